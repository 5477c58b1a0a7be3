import { EngineError } from '../../api/errors.ts'
import type { Filters } from './volumes.ts'

export function checkFilters(filters: Filters, accepted: readonly string[]): void {
  for (const key of Object.keys(filters)) {
    if (!accepted.includes(key)) throw new EngineError('invalid_argument', `invalid filter '${key}'`)
  }
}

/** `label` (all must match: `key` or `key=value`) and `label!` (none may). */
export function matchesLabels(labels: Record<string, string> | null | undefined, filters: Filters): boolean {
  const has = (wanted: string) => {
    const at = wanted.indexOf('=')
    const value = labels?.[at < 0 ? wanted : wanted.slice(0, at)]
    return value !== undefined && (at < 0 || value === wanted.slice(at + 1))
  }
  return (filters['label'] ?? []).every(has) && !(filters['label!'] ?? []).some(has)
}

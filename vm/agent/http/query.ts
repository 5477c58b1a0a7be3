/** Docker's ways of reading query parameters. Pure. */
import { EngineError } from '../../api/errors.ts'
import type { Filters } from './router.ts'

const FALSE = new Set(['', '0', 'no', 'false', 'none'])

export function parseFlag(value: string | null, fallback = false): boolean {
  if (value === null) return fallback
  return !FALSE.has(value.trim().toLowerCase())
}

export function parseInteger(name: string, value: string | null): number | undefined {
  if (value === null || value === '') return undefined
  if (!/^-?[0-9]{1,15}$/.test(value)) {
    throw new EngineError('invalid_argument', `strconv.Atoi: parsing "${value}": invalid syntax`, {
      details: { status: 500, field: name },
    })
  }
  return Number(value)
}

/** `{"status":["running"]}` or the older `{"status":{"running":true}}`. */
export function parseFilters(text: string | null): Filters {
  if (text === null || text === '') return {}
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (cause) {
    throw new EngineError('invalid_argument', 'invalid filter', { cause })
  }
  if (parsed === null) return {}
  if (typeof parsed !== 'object' || Array.isArray(parsed)) {
    throw new EngineError('invalid_argument', 'invalid filter')
  }
  const filters: Filters = {}
  for (const [key, value] of Object.entries(parsed)) filters[key] = filterValues(value)
  return filters
}

function filterValues(value: unknown): string[] {
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return Object.entries(value).flatMap(([item, wanted]) => (wanted === true ? [item] : []))
  }
  throw new EngineError('invalid_argument', 'invalid filter')
}

/** Refuses keys that the endpoint does not know, as Docker does. */
export function checkFilters(filters: Filters, accepted: readonly string[]): void {
  for (const key of Object.keys(filters)) {
    if (!accepted.includes(key)) throw new EngineError('invalid_argument', `invalid filter '${key}'`)
  }
}

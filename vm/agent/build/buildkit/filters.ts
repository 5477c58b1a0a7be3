/** Filters of BuildKit's control service, in containerd's syntax as clients write it: terms joined by commas. Pure. */
import { EngineError } from '../../../api/errors.ts'
import type { BuildCacheRecord } from '../../../api/system.ts'
import { type CacheTerm, meets } from '../prune-filters.ts'

const OPERATORS = { '=': '==', '==': '==', '!=': '!=', '~=': '~=' } as const

/**
 * The terms (`type==regular`, `id~=abc`, `inuse`) of each filter; an empty filter, which buildx sends when it has none, is
 * none. A term that is not one is invalid_argument.
 */
export function parseFilters(filters: readonly string[]): CacheTerm[][] {
  return filters.filter(Boolean).map((filter) => filter.split(',').filter(Boolean).map(termOf))
}

function termOf(term: string): CacheTerm {
  const { field, operator, value } =
    /^(?<field>[\w.-]+)(?:(?<operator>==|!=|~=|=)(?<value>.*))?$/.exec(term)?.groups ?? {}
  if (field === undefined) throw new EngineError('invalid_argument', `invalid filter '${term}'`)
  if (operator === undefined) return { field, operator: 'present', value: '' }
  return { field, operator: OPERATORS[operator as keyof typeof OPERATORS], value: unquoted(value ?? '') }
}

function unquoted(text: string): string {
  return /^".*"$/.test(text) ? text.slice(1, -1) : text
}

/** Whether a record passes: it does when it meets all terms of one of the filters, or there are none. */
export function passes(record: BuildCacheRecord, filters: readonly CacheTerm[][]): boolean {
  return filters.length === 0 || filters.some((terms) => terms.every((term) => meets(record, term)))
}

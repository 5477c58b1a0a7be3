/** Filters of BuildKit's control service, in containerd's syntax as clients write it: terms joined by commas. Pure. */
import { EngineError } from '../../../api/errors.ts'
import type { Filters } from '../../images/images.ts'

/**
 * The terms (`until==24h`, `id~=abc`, `inuse`) by name; an empty filter, which buildx sends when it has none, adds
 * nothing. A term that is not one is invalid_argument.
 */
export function parseFilters(filters: readonly string[]): Filters {
  const parsed: Filters = {}
  for (const term of filters.flatMap((filter) => filter.split(',')).filter(Boolean)) {
    const match = /^([\w.]+)(?:(?:==|=|~=)(.*))?$/.exec(term)
    if (!match) throw new EngineError('invalid_argument', `invalid filter '${term}'`)
    const [, name = '', value = ''] = match
    parsed[name] = [...(parsed[name] ?? []), value]
  }
  return parsed
}

/** What may be said about records of the build cache, to list or to prune some of them. Pure. */
import { EngineError, messageOf } from '../../api/errors.ts'
import type { BuildCacheRecord } from '../../api/system.ts'
import type { Filters } from '../images/images.ts'
import { parseUntil } from '../images/until.ts'

/** One condition, as BuildKit's filters have them: `inuse`, `id~=abc`, `type==regular`. */
export interface CacheTerm {
  field: string
  operator: 'present' | '==' | '!=' | '~='
  value: string
}

/** What `POST /build/prune` may name, besides times. */
const FIELDS = ['id', 'parent', 'type', 'description', 'inuse', 'shared', 'private', 'mutable', 'immutable']
const TIMES = ['until', 'unused-for']

/** What is to go: records last used before `until` (milliseconds since the epoch) that are all of `terms`. */
export interface CacheChoice {
  until: number
  terms: CacheTerm[]
}

/**
 * The filters of `docker builder prune`. A label picks nothing, which no record has. An unknown filter, a bad time or two
 * values are invalid_argument in dockerd's words.
 */
export function pruneChoice(filters: Filters): CacheChoice {
  const choice: CacheChoice = { until: Number.POSITIVE_INFINITY, terms: [] }
  for (const [name, values] of Object.entries(filters)) {
    if (values.length > 1) throw failed('filters expect only one value')
    const [value] = values
    if (name === 'label' || name === 'label!') choice.until = Number.NEGATIVE_INFINITY
    else if (TIMES.includes(name)) choice.until = Math.min(choice.until, timeOf(value ?? ''))
    else if (!FIELDS.includes(name)) throw failed(`invalid filter '${name}'`)
    else choice.terms.push(termOf(name, value))
  }
  return choice
}

function termOf(field: string, value: string | undefined): CacheTerm {
  if (value === undefined) return { field, operator: 'present', value: '' }
  return { field, operator: field === 'id' ? '~=' : '==', value }
}

function timeOf(text: string): number {
  try {
    return parseUntil(text)
  } catch (error) {
    throw failed(`"until" filter expects a duration (e.g., '24h') or a timestamp: ${messageOf(error)}`)
  }
}

/** Whether a record meets the condition. A field that records do not have equals, matches and is present for none. */
export function meets(record: BuildCacheRecord, { field, operator, value }: CacheTerm): boolean {
  const flag = flagOf(record, field)
  if (flag !== undefined) {
    if (operator === 'present' || value === 'true') return flag === (operator !== '!=')
    return value === 'false' && flag === (operator === '!=')
  }
  const texts = textsOf(record, field)
  if (operator === 'present') return texts.length > 0
  if (operator === '!=') return !texts.includes(value)
  if (operator === '==') return texts.includes(value)
  const pattern = patternOf(value)
  return texts.some((text) => pattern.test(text))
}

function flagOf(record: BuildCacheRecord, field: string): boolean | undefined {
  if (field === 'inuse') return record.InUse
  if (field === 'shared') return record.Shared
  if (field === 'private') return !record.Shared
  const isMutable = ['exec.cachemount', 'source.local'].includes(record.Type)
  if (field === 'mutable') return isMutable
  return field === 'immutable' ? !isMutable : undefined
}

function textsOf(record: BuildCacheRecord, field: string): string[] {
  if (field === 'id') return [record.ID]
  if (field === 'type') return [record.Type]
  if (field === 'description') return [record.Description]
  return field === 'parent' || field === 'parents' ? (record.Parents ?? []) : []
}

function patternOf(text: string): RegExp {
  try {
    return new RegExp(text)
  } catch (cause) {
    throw new EngineError('invalid_argument', `invalid filter: error parsing regexp: ${text}`, { cause })
  }
}

function failed(what: string): EngineError {
  return new EngineError('invalid_argument', `failed to prune build cache: ${what}`)
}

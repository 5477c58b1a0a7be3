/** Filters of `docker images` and image prune. Pure. */
import { matchesGlob } from 'node:path'
import { EngineError, messageOf } from '../../api/errors.ts'
import type { Digest } from '../content/store.ts'
import type { Filters, ImageConfig } from './images.ts'
import { parseUntil } from './until.ts'

export interface Candidate {
  id: Digest
  config: ImageConfig
  /** Milliseconds since the epoch. */
  created: number
  tags: string[]
  digests: string[]
}

const KNOWN = ['dangling', 'label', 'label!', 'before', 'since', 'reference', 'until']

/**
 * A function that answers a candidate with the names to show, or undefined when it is filtered out. invalid_argument
 * for unknown filters and values; not_found for `before`/`since` of an unknown image.
 */
export function matchesFilters(
  filters: Filters,
  all: readonly Candidate[],
  find: (text: string) => Digest,
): (candidate: Candidate) => { tags: string[]; digests: string[] } | undefined {
  for (const name of Object.keys(filters)) {
    if (!KNOWN.includes(name)) throw new EngineError('invalid_argument', `invalid filter '${name}'`)
  }
  const createdOf = (text: string) => {
    const id = find(text)
    return all.find((candidate) => candidate.id === id)?.created ?? 0
  }
  const before = Math.min(
    ...(filters['before'] ?? []).map(createdOf),
    ...(filters['until'] ?? []).map(untilOf),
  )
  const since = Math.max(...(filters['since'] ?? []).map(createdOf))
  const dangling = booleanFilter(filters, 'dangling')
  const patterns = filters['reference'] ?? []
  if (patterns.some(isBrokenPattern)) throw ownFault('syntax error in pattern')
  return (candidate) => {
    if (candidate.created >= before || candidate.created <= since) return undefined
    if (!labelsMatch(filters, candidate.config.config?.Labels ?? {})) return undefined
    const tags = candidate.tags.filter(
      (name) => patterns.length === 0 || patterns.some((p) => nameMatches(name, p)),
    )
    const digests = candidate.digests.filter(
      (name) => patterns.length === 0 || patterns.some((p) => nameMatches(name, p)),
    )
    if (patterns.length > 0 && tags.length === 0 && digests.length === 0) return undefined
    const isDangling = candidate.tags.length === 0 && candidate.digests.length === 0
    if (dangling !== undefined && dangling !== isDangling) return undefined
    return { tags, digests }
  }
}

/** dockerd takes a time that it cannot read for its own fault here. */
function untilOf(text: string): number {
  try {
    return parseUntil(text)
  } catch (error) {
    throw ownFault(messageOf(error))
  }
}

function ownFault(message: string): EngineError {
  return new EngineError('invalid_argument', message, { details: { status: 500 } })
}

/** Docker's booleans in filters; undefined when it is not given. */
export function booleanFilter(filters: Filters, name: string): boolean | undefined {
  const values = filters[name] ?? []
  if (values.length === 0) return undefined
  const truths = values.map((value) => {
    if (['1', 't', 'true'].includes(value.toLowerCase())) return true
    if (['0', 'f', 'false'].includes(value.toLowerCase())) return false
    throw new EngineError('invalid_argument', `invalid filter '${name}=[${values.join(' ')}]'`)
  })
  if (new Set(truths).size > 1) {
    throw new EngineError('invalid_argument', `invalid filter '${name}=[${values.join(' ')}]'`)
  }
  return truths[0]
}

/** `label=key[=value]` all of them, `label!=…` none of them. */
export function labelsMatch(filters: Filters, labels: Record<string, string>): boolean {
  const has = (text: string) => {
    const equals = text.indexOf('=')
    const key = equals < 0 ? text : text.slice(0, equals)
    return Object.hasOwn(labels, key) && (equals < 0 || labels[key] === text.slice(equals + 1))
  }
  return (filters['label'] ?? []).every(has) && !(filters['label!'] ?? []).some(has)
}

/** Go's path.Match on the whole name or on the name without its tag, as reference.FamiliarMatch. */
function nameMatches(name: string, pattern: string): boolean {
  const repository = name.replace(/[:@][^/]*$/, '')
  return [name, repository].some((text) => matchesGlob(text, pattern))
}

/** What Go's path.Match calls bad: a class without its end, or an escape of nothing. */
function isBrokenPattern(pattern: string): boolean {
  const plain = pattern.replace(/\\./g, '').replace(/\[\^?\]?[^\]]+\]/g, '')
  return plain.includes('[') || plain.endsWith('\\')
}

/** What `docker builder prune --filter` may say. Pure. */
import { EngineError, messageOf } from '../../api/errors.ts'
import type { Filters } from '../images/images.ts'
import { parseUntil } from '../images/until.ts'

/** Filters of BuildKit that pick single records. */
const SINGLE = ['id', 'parent', 'type', 'description', 'inuse', 'shared', 'private', 'mutable', 'immutable']

/**
 * The time (milliseconds since the epoch) before which cache records go: infinity without a filter, none with a label,
 * which no record has. An unknown filter, a bad time or two of them are invalid_argument in dockerd's words; one that
 * picks single records is not_implemented, because to leave it out would delete the rest, too.
 */
export function pruneUntil(filters: Filters): number {
  let until = Number.POSITIVE_INFINITY
  for (const [name, values] of Object.entries(filters)) {
    if (name === 'label' || name === 'label!') until = Number.NEGATIVE_INFINITY
    else if (name === 'until' || name === 'unused-for') until = Math.min(until, timeOf(values))
    else if (SINGLE.includes(name))
      throw new EngineError('not_implemented', `the filter '${name}' of the build cache is not supported`)
    else throw new EngineError('invalid_argument', `failed to prune build cache: invalid filter '${name}'`)
  }
  return until
}

function timeOf(values: readonly string[]): number {
  const [text = '', ...more] = values
  if (more.length > 0)
    throw new EngineError('invalid_argument', 'failed to prune build cache: filters expect only one value')
  try {
    return parseUntil(text)
  } catch (error) {
    throw new EngineError(
      'invalid_argument',
      `failed to prune build cache: "until" filter expects a duration (e.g., '24h') or a timestamp: ${messageOf(error)}`,
    )
  }
}

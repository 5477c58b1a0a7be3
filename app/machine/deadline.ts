import { EngineError } from '../../vm/api/errors.ts'
import { saidError } from '../sayings.ts'

export interface Deadline {
  readonly ms: number
  /** What did not come in time, for the error: "the guest's first line". */
  readonly what: string
  /** Ends the wait with 'cancelled'. */
  readonly signal?: AbortSignal | undefined
  /** Rejects when there is nothing left to wait for. */
  readonly death?: Promise<never> | undefined
}

export interface Running {
  /** Aborted when the wait is over, whoever ended it. */
  readonly signal: AbortSignal
  /** Begins the deadline anew, with `ms` from now. */
  readonly extend: (ms: number) => void
}

/**
 * Runs `act` until it settles, the deadline passes ('vm_failed', with `details.timeout`), the signal aborts ('cancelled')
 * or `death` rejects, whichever comes first. What `act` does after that goes nowhere.
 */
export async function within<T>(deadline: Deadline, act: (running: Running) => Promise<T>): Promise<T> {
  const over = new AbortController()
  let end: (error: EngineError) => void = () => undefined
  const ended = new Promise<never>((_, reject) => {
    end = reject
  })
  // Nobody may be racing any more, or yet, when it rejects.
  ended.catch(() => undefined)
  let timer: NodeJS.Timeout | undefined
  const extend = (ms: number) => {
    clearTimeout(timer)
    timer = setTimeout(() => end(late(deadline.what, ms)), ms)
  }
  const abort = () => end(new EngineError('cancelled', `waiting for ${deadline.what}: cancelled`))
  deadline.signal?.addEventListener('abort', abort, { once: true })
  if (deadline.signal?.aborted) abort()
  extend(deadline.ms)
  try {
    const work = act({ signal: over.signal, extend })
    return await Promise.race([ended, work, ...(deadline.death ? [deadline.death] : [])])
  } finally {
    clearTimeout(timer)
    deadline.signal?.removeEventListener('abort', abort)
    over.abort()
  }
}

function late(what: string, ms: number): EngineError {
  const time = ms < 1000 ? `${ms} ms` : `${Math.round(ms / 100) / 10} s`
  return saidError('vm_failed', { code: 'late', values: { what, time } }, { details: { timeout: ms } })
}

/** The caller's wait ends with its signal; what is waited for goes on. */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work
  return new Promise((resolve, reject) => {
    const abort = () => reject(new EngineError('cancelled', 'waiting for the machine: cancelled'))
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

import { setTimeout as sleep } from 'node:timers/promises'
import { EngineError } from '../../vm/api/errors.ts'
import type { EventMessage } from '../../vm/api/system.ts'
import type { EngineHttp } from './http.ts'
import { readBytes } from './http.ts'
import { jsonLines } from './json-lines.ts'

export interface WatchOptions {
  readonly signal: AbortSignal
  /** Resolves when a connection is worth trying (the machine runs); rejects when the signal fires. */
  readonly ready: (signal: AbortSignal) => Promise<void>
  /** Milliseconds between tries: doubles from the first to the second. */
  readonly backoff?: readonly [number, number]
}

/** `resync`: events may have been missed, so whatever was derived from them must be read anew. */
export type WatchedEvent = EventMessage | { resync: true }

/**
 * The engine's events for as long as the signal lets them: a lost connection is made anew from the last event's second
 * on, with nothing told twice, and announced by `resync` once it stands. Ends when the signal fires.
 */
export async function* watchEvents(
  http: EngineHttp,
  { signal, ready, backoff = [100, 5000] }: WatchOptions,
): AsyncGenerator<WatchedEvent, void, undefined> {
  const seen = new SeenEvents()
  let wait = backoff[0]
  for (let first = true; !signal.aborted; ) {
    try {
      await ready(signal)
      const query = seen.second === undefined ? {} : { since: seen.second }
      const response = await http.open({ path: '/events', query, signal })
      if (!first) yield { resync: true }
      first = false
      wait = backoff[0]
      for await (const event of jsonLines<EventMessage>(readBytes(response, signal))) {
        if (seen.add(event)) yield event
      }
    } catch (error) {
      if (signal.aborted) return
      first = false
      if (error instanceof EngineError && error.kind === 'invalid_argument') throw error
    }
    await sleep(wait, undefined, { signal }).catch(() => undefined)
    wait = Math.min(wait * 2, backoff[1])
  }
}

/** Knows the events of the newest second, which a resumed stream tells again. */
class SeenEvents {
  second: number | undefined
  readonly #keys = new Set<string>()

  add(event: EventMessage): boolean {
    if (this.second !== undefined && event.time < this.second) return true
    if (event.time !== this.second) {
      this.second = event.time
      this.#keys.clear()
    }
    const key = `${event.timeNano} ${event.Type} ${event.Action} ${event.Actor.ID}`
    if (this.#keys.has(key)) return false
    this.#keys.add(key)
    return true
  }
}

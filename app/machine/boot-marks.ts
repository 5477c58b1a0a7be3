import type { EngineError } from '../../vm/api/errors.ts'
import { saidError } from '../sayings.ts'
import type { Mark } from './serial.ts'

/** An engine that ends as often as this does not come up by being respawned once more. */
const AGENT_DEATHS = 3

/** How far the guest says it is. What it said stays true, so it does not matter who waits first. */
export class BootMarks {
  readonly #seen: Mark[] = []
  readonly #listeners = new Set<() => void>()
  /** Rejects with what the guest says went wrong. */
  readonly failure: Promise<never>
  #fail: (error: EngineError) => void = () => undefined
  #agentDeaths = 0

  constructor() {
    this.failure = new Promise((_, reject) => {
      this.#fail = reject
    })
    this.failure.catch(() => undefined)
  }

  add(mark: Mark): void {
    this.#seen.push(mark)
    if (mark.type === 'failed' && this.#isFatal(mark.message)) {
      this.#fail(saidError('vm_failed', { code: 'guest_says', detail: mark.message }))
    }
    for (const listener of [...this.#listeners]) listener()
  }

  /** Resolves with the first mark that `wanted` accepts, told already or to come. */
  async until(wanted: (mark: Mark) => boolean, signal: AbortSignal): Promise<Mark> {
    return Promise.race([this.#next(wanted, signal), this.failure])
  }

  /** Calls `listener` with every mark from the first one on. Answers the unsubscribe. */
  follow(listener: (mark: Mark) => void): () => void {
    let told = 0
    const tell = () => {
      for (; told < this.#seen.length; told++) {
        const mark = this.#seen[told]
        if (mark) listener(mark)
      }
    }
    this.#listeners.add(tell)
    tell()
    return () => {
      this.#listeners.delete(tell)
    }
  }

  #next(wanted: (mark: Mark) => boolean, signal: AbortSignal): Promise<Mark> {
    return new Promise((resolve) => {
      const stop = { now: () => undefined as unknown }
      const unfollow = this.follow((mark) => {
        if (!wanted(mark)) return
        resolve(mark)
        stop.now()
      })
      stop.now = unfollow
      signal.addEventListener('abort', unfollow, { once: true })
    })
  }

  /** The engine is respawned; everything else that fails stays failed. */
  #isFatal(message: string): boolean {
    if (!message.startsWith('agent ')) return true
    this.#agentDeaths += 1
    return this.#agentDeaths >= AGENT_DEATHS
  }
}

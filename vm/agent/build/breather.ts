/**
 * Walks over trees make thousands of system calls that take microseconds each; a trip through the thread pool for each
 * takes a hundred times as long, most of all under emulation. So they are made at once, and the event loop gets its
 * turn in between.
 */
import { setImmediate } from 'node:timers/promises'

const SLICE_MS = 10

export class Breather {
  readonly #signal: AbortSignal | undefined
  #since = performance.now()

  constructor(signal?: AbortSignal) {
    this.#signal = signal
  }

  /** Lets others run when it is time; throws when the signal has aborted. */
  async breathe(): Promise<void> {
    if (performance.now() - this.#since < SLICE_MS) return
    await setImmediate()
    this.#signal?.throwIfAborted()
    this.#since = performance.now()
  }
}

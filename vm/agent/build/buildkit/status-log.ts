/** What a build tells of itself, kept for as long as it may be asked for: whoever listens late misses nothing. */

import type { StatusResponse } from './messages.ts'
import type { MessageOf } from './proto.ts'

export type Status = Partial<MessageOf<typeof StatusResponse>>

export class StatusLog {
  readonly #told: Status[] = []
  #over = false
  #wake: (() => void)[] = []

  tell(status: Status): void {
    if (this.#over) return
    this.#told.push(status)
    this.#notify()
  }

  /** Nothing more will come. */
  end(): void {
    this.#over = true
    this.#notify()
  }

  /** All of it from the beginning, until it ends or the signal aborts. */
  async *listen(signal: AbortSignal): AsyncIterable<Status> {
    for (let next = 0; ; next++) {
      while (next >= this.#told.length) {
        if (this.#over || signal.aborted) return
        await new Promise<void>((resolve) => {
          this.#wake.push(resolve)
          signal.addEventListener('abort', () => resolve(), { once: true })
        })
      }
      yield this.#told[next] ?? {}
    }
  }

  #notify(): void {
    const wake = this.#wake
    this.#wake = []
    for (const one of wake) one()
  }
}

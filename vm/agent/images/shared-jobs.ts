/** Work that several callers want at once is done once; it is cancelled when the last of them has gone. */

interface Shared<T> {
  promise: Promise<T>
  abort: AbortController
  listeners: Set<(current: number) => void>
  waiting: number
}

export class SharedJobs<T> {
  readonly #jobs = new Map<string, Shared<T>>()

  /** Joins or starts the job of this key. `onProgress` is told from now on. */
  async run(
    key: string,
    options: { signal?: AbortSignal | undefined; onProgress?: (current: number) => void },
    start: (options: { signal: AbortSignal; onProgress: (current: number) => void }) => Promise<T>,
  ): Promise<T> {
    const { onProgress, signal } = options
    for (;;) {
      signal?.throwIfAborted()
      const current = this.#jobs.get(key)
      if (!current?.abort.signal.aborted) break
      // Its last caller went a moment ago: let it undo itself first.
      await current.promise.catch(() => undefined)
    }
    const job = this.#jobs.get(key) ?? this.#start(key, start)
    job.waiting++
    if (onProgress) job.listeners.add(onProgress)
    const leave = new Leave(signal)
    try {
      return await Promise.race([job.promise, leave.promise])
    } finally {
      leave.forget()
      if (onProgress) job.listeners.delete(onProgress)
      if (--job.waiting === 0) {
        job.abort.abort()
        // What it had begun is undone before its caller hears of the end.
        await job.promise.catch(() => undefined)
      }
    }
  }

  #start(
    key: string,
    start: (options: { signal: AbortSignal; onProgress: (current: number) => void }) => Promise<T>,
  ): Shared<T> {
    const abort = new AbortController()
    const listeners = new Set<(current: number) => void>()
    const onProgress = (current: number) => {
      for (const listener of listeners) listener(current)
    }
    const promise = start({ signal: abort.signal, onProgress }).finally(() => this.#jobs.delete(key))
    promise.catch(() => undefined)
    const job: Shared<T> = { promise, abort, listeners, waiting: 0 }
    this.#jobs.set(key, job)
    return job
  }
}

/** A promise that rejects when a signal aborts, until it is forgotten. */
class Leave {
  readonly promise: Promise<never>
  readonly #signal: AbortSignal | undefined
  #listener: (() => void) | undefined

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal
    this.promise = new Promise((_resolve, reject) => {
      this.#listener = () => reject(signal?.reason)
      signal?.addEventListener('abort', this.#listener, { once: true })
    })
  }

  forget(): void {
    if (this.#listener) this.#signal?.removeEventListener('abort', this.#listener)
  }
}

/** At most `limit` at once; the others wait in line. */
export class Slots {
  #free: number
  readonly #line: (() => void)[] = []

  constructor(limit: number) {
    this.#free = limit
  }

  get full(): boolean {
    return this.#free === 0
  }

  async use<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((resolve) => this.#line.push(resolve))
    try {
      signal?.throwIfAborted()
      return await work()
    } finally {
      const next = this.#line.shift()
      if (next) next()
      else this.#free++
    }
  }
}

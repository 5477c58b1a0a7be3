/** One line of a build's progress: begun, told about, completed or failed. */
import { createHash } from 'node:crypto'
import { messageOf } from '../../../api/errors.ts'
import type { StatusLog } from './status-log.ts'

const INTERVAL_MS = 200

export class Vertex {
  readonly digest: string
  readonly #log: StatusLog
  readonly #name: string
  readonly #inputs: string[]
  readonly #counters = new Map<string, { started: number; told: number; done: boolean }>()
  #started: number | undefined
  #cached = false
  #over = false

  /** `id` tells it from the others of its build. */
  constructor(log: StatusLog, id: string, name: string, inputs: readonly Vertex[] = []) {
    this.digest = `sha256:${createHash('sha256').update(`${id}\0${name}`).digest('hex')}`
    this.#log = log
    this.#name = name
    this.#inputs = inputs.map(({ digest }) => digest)
  }

  start(): this {
    this.#started = Date.now()
    this.#tell({})
    return this
  }

  cached(): void {
    this.#cached = true
  }

  /** Once; `error`: why it failed. */
  end(error?: unknown): void {
    if (this.#over) return
    this.#over = true
    const completed = Date.now()
    for (const [ID, counter] of this.#counters)
      if (!counter.done) this.#count(ID, { started: counter.started, completed })
    this.#tell({ completed, ...(error === undefined ? {} : { error: messageOf(error) }) })
  }

  output(msg: Uint8Array): void {
    this.#log.tell({ logs: [{ vertex: this.digest, timestamp: Date.now(), stream: 1, msg }] })
  }

  warn(text: string): void {
    this.#log.tell({ warnings: [{ vertex: this.digest, level: 1, short: Buffer.from(text) }] })
  }

  /** A counting step below it (`transferring context:`), told a few times a second. */
  progress(id: string, current: number, options: { total?: number; done?: boolean } = {}): void {
    const now = Date.now()
    const known = this.#counters.get(id)
    if (known?.done || (known && !options.done && now - known.told < INTERVAL_MS)) return
    const started = known?.started ?? now
    const done = options.done ?? false
    this.#counters.set(id, { started, told: now, done })
    this.#count(id, { current, total: options.total ?? 0, started, ...(done ? { completed: now } : {}) })
  }

  /** Runs the work as this vertex. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.start()
    try {
      const result = await work()
      this.end()
      return result
    } catch (error) {
      this.end(error)
      throw error
    }
  }

  #count(
    ID: string,
    counts: { current?: number; total?: number; started: number; completed?: number },
  ): void {
    this.#log.tell({ statuses: [{ ID, vertex: this.digest, timestamp: Date.now(), ...counts }] })
  }

  #tell(more: { completed?: number; error?: string }): void {
    this.#log.tell({
      vertexes: [
        {
          digest: this.digest,
          inputs: this.#inputs,
          name: this.#name,
          cached: this.#cached,
          started: this.#started,
          ...more,
        },
      ],
    })
  }
}

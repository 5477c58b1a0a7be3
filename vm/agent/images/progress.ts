/** The JSON lines of pull, push and load, as dockerd words them. */
import type { ProgressMessage } from '../../api/images.ts'

/** A queue of messages between workers and the one that streams them; a reader that leaves just stops reading. */
export class ProgressQueue {
  readonly #queue: ProgressMessage[] = []
  #wake: (() => void) | undefined
  #over: { error?: unknown } | undefined

  push(message: ProgressMessage): void {
    this.#queue.push(message)
    this.#wake?.()
  }

  /** Runs `work` and yields what is pushed meanwhile; its failure is thrown after the last message. */
  async *during(work: Promise<unknown>): AsyncIterable<ProgressMessage> {
    work.then(
      () => this.#end({}),
      (error: unknown) => this.#end({ error }),
    )
    for (;;) {
      const message = this.#queue.shift()
      if (message) yield message
      else if (this.#over) break
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    }
    if ('error' in this.#over) throw this.#over.error
  }

  #end(over: { error?: unknown }): void {
    this.#over = over
    this.#wake?.()
  }
}

const INTERVAL_MS = 250

/** A reporter of one layer's counting steps, at most four lines a second and always the last one. */
export function counter(
  report: (message: ProgressMessage) => void,
  status: string,
  id: string,
  total: number,
): (current: number) => void {
  let told = 0
  return (current) => {
    const now = Date.now()
    if (now - told < INTERVAL_MS && current < total) return
    told = now
    report({ status, id, progressDetail: { current, total }, progress: progressBar(current, total) })
  }
}

/** `[=====>      ]  1.2MB/3.4MB`, as older clients print it. */
export function progressBar(current: number, total: number): string {
  const percent = total > 0 ? Math.min(100, Math.floor((current / total) * 100)) : 0
  const done = Math.floor(percent / 2)
  const bar = `[${'='.repeat(done)}${done < 50 ? '>' : ''}${' '.repeat(Math.max(0, 49 - done))}]`
  return `${bar} ${humanSize(current).padStart(8)}/${humanSize(total)}`
}

/** Decimal units with four significant digits, as docker/go-units. */
export function humanSize(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = bytes
  let unit = 0
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${Number(value.toPrecision(4))}${units[unit]}`
}

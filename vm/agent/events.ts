/** Event bus of the engine: facts that have happened, as `docker events` shows them. */
import type { EventMessage, EventType } from '../api/system.ts'

const BACKLOG = 1024
/** A subscriber that lets this many events pile up is cut off (it resumes with `since`). */
const MAX_QUEUE = 4096

export class EventBus {
  readonly #backlog: EventMessage[] = []
  readonly #subscribers = new Set<(event: EventMessage) => void>()
  #lastNano = 0n

  /** How many listen now. */
  get subscribers(): number {
    return this.#subscribers.size
  }

  /** Publishes a fact. Never throws, never waits. */
  publish(type: EventType, action: string, id: string, attributes: Record<string, string> = {}): void {
    const ms = Date.now()
    let nano = BigInt(ms) * 1_000_000n
    if (nano <= this.#lastNano) nano = this.#lastNano + 1n
    this.#lastNano = nano
    const event: EventMessage = {
      Type: type,
      Action: action,
      Actor: { ID: id, Attributes: attributes },
      scope: 'local',
      time: Math.floor(ms / 1000),
      timeNano: Number(nano),
    }
    if (type === 'container' || type === 'image') {
      event.status = action
      if (id !== '') event.id = id
      const image = attributes['image']
      if (type === 'container' && image !== undefined) event.from = image
    }
    this.#backlog.push(event)
    if (this.#backlog.length > BACKLOG) this.#backlog.shift()
    for (const subscriber of [...this.#subscribers]) subscriber(event)
  }

  /**
   * Backlog since `since` (Unix seconds, fractions allowed) followed by live events, joined without gap or overlap;
   * ends at `until` or when the signal aborts. Without `since` only live events come.
   */
  async *subscribe(options: {
    since?: number
    until?: number
    signal?: AbortSignal
  }): AsyncIterable<EventMessage> {
    const queue =
      options.since === undefined ? [] : this.#backlog.filter((e) => seconds(e) >= (options.since ?? 0))
    let wake: (() => void) | undefined
    let overrun = false
    const subscriber = (event: EventMessage) => {
      if (queue.length >= MAX_QUEUE) overrun = true
      else queue.push(event)
      wake?.()
    }
    this.#subscribers.add(subscriber)
    const stop = () => wake?.()
    options.signal?.addEventListener('abort', stop, { once: true })
    const remaining = options.until === undefined ? undefined : options.until * 1000 - Date.now()
    let over = remaining !== undefined && remaining <= 0
    const timer =
      remaining === undefined || over
        ? undefined
        : setTimeout(
            () => {
              over = true
              wake?.()
            },
            Math.min(remaining, 2 ** 31 - 1),
          )
    try {
      for (;;) {
        const event = queue.shift()
        if (event) {
          if (options.until === undefined || seconds(event) <= options.until) yield event
          continue
        }
        if (over || overrun || options.signal?.aborted) return
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    } finally {
      clearTimeout(timer)
      this.#subscribers.delete(subscriber)
      options.signal?.removeEventListener('abort', stop)
    }
  }
}

function seconds(event: EventMessage): number {
  return event.timeNano / 1e9
}

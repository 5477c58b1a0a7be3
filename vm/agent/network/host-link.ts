/**
 * The engine's end of the host link: asks the app to listen on the host. See vm/api/slipway.ts for the protocol.
 */
import type { Duplex } from 'node:stream'
import * as v from 'valibot'
import { EngineError, type ErrorKind, messageOf } from '../../api/errors.ts'
import { LineDecoder } from '../../api/lines.ts'
import type { Forward, HostLinkRequest } from '../../api/slipway.ts'

/** The host binds sockets, it does no work that takes long: later than this it hangs. */
const REPLY_TIMEOUT_MS = 40_000
const ROUTES_TIMEOUT_MS = 10_000
const PATH_TIMEOUT_MS = 5_000

const port = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65535))
const forwardSchema = v.object({
  protocol: v.picklist(['tcp', 'udp']),
  hostIp: v.string(),
  hostPort: port,
  hostPortEnd: v.exactOptional(port),
  containerIp: v.string(),
  containerPort: port,
  via: v.exactOptional(v.object({ ip: v.string(), port })),
  bound: v.exactOptional(v.array(v.string())),
})
const replySchema = v.variant('ok', [
  v.object({
    id: v.number(),
    ok: v.literal(true),
    forwards: v.array(forwardSchema),
    subnets: v.exactOptional(v.array(v.string())),
    exists: v.exactOptional(v.boolean()),
  }),
  v.object({
    id: v.number(),
    ok: v.literal(false),
    kind: v.string(),
    message: v.string(),
    hint: v.exactOptional(v.string()),
    details: v.exactOptional(v.record(v.string(), v.unknown())),
  }),
])
type Reply = v.InferOutput<typeof replySchema>

/** `Omit` that keeps the members of a union apart. */
type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never
export type HostLinkQuestion = WithoutId<HostLinkRequest>

interface Pending {
  resolve(reply: Reply): void
  reject(error: Error): void
}

export class HostLink {
  /** Called with every new connection, after `connected` became true; the answer's forwards are the truth from then on. */
  onConnect: () => void = () => undefined
  #stream: Duplex | undefined
  readonly #pending = new Map<number, Pending>()
  readonly #waiters = new Set<() => void>()
  readonly #listeners = new Set<() => void>()
  #sequence = 0

  #seen = false

  /** Whether an app was ever connected to this agent. */
  get seen(): boolean {
    return this.#seen
  }

  get connected(): boolean {
    return this.#stream !== undefined
  }

  /** Takes over the stream of an upgraded connection; the newest wins. Resolves when it ended. */
  accept(stream: Duplex): Promise<void> {
    this.#stream?.destroy()
    this.#stream = stream
    this.#seen = true
    const lines = new LineDecoder()
    return new Promise((resolve) => {
      stream.on('data', (chunk: Buffer) => {
        try {
          for (const line of lines.push(chunk)) this.#receive(line)
        } catch (cause) {
          stream.destroy(cause instanceof Error ? cause : new Error(String(cause)))
        }
      })
      // The end says it all; an 'error' without a listener would end the agent.
      stream.on('error', () => stream.destroy())
      stream.on('end', () => stream.destroy())
      stream.on('close', () => {
        if (this.#stream === stream) this.#lost()
        resolve()
      })
      for (const wake of [...this.#waiters]) wake()
      this.onConnect()
      for (const listener of this.#listeners) listener()
    })
  }

  /** As `onConnect`, for whoever else has to start anew with every connection. */
  subscribe(listener: () => void): void {
    this.#listeners.add(listener)
  }

  /** Waits up to `ms` for a link; false when none came. */
  async wait(ms: number, signal?: AbortSignal): Promise<boolean> {
    if (this.connected || ms <= 0) return this.connected
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer)
        this.#waiters.delete(done)
        signal?.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      this.#waiters.add(done)
      signal?.addEventListener('abort', done, { once: true })
    })
    return this.connected
  }

  /**
   * Asks the host and waits for its answer. Fails with 'unavailable' when no app is connected or it does not answer,
   * otherwise with the host's own kind, message, hint and details.
   */
  async request(question: HostLinkQuestion): Promise<Forward[]> {
    return (await this.#ask(question, REPLY_TIMEOUT_MS)).forwards
  }

  /** Prefixes that the user's computer has routes to, its default route left out. */
  async routes(): Promise<string[]> {
    return (await this.#ask({ type: 'routes' }, ROUTES_TIMEOUT_MS)).subnets ?? []
  }

  /** Whether a path (in POSIX form) exists on the user's computer. */
  async pathExists(path: string): Promise<boolean> {
    return (await this.#ask({ type: 'path', path }, PATH_TIMEOUT_MS)).exists ?? false
  }

  async #ask(question: HostLinkQuestion, ms: number): Promise<Extract<Reply, { ok: true }>> {
    const stream = this.#stream
    if (!stream) throw unavailable('no host link: the Slipway app is not connected to the engine')
    const id = ++this.#sequence
    const reply = await new Promise<Reply>((resolve, reject) => {
      const timer = setTimeout(
        () => this.#pending.get(id)?.reject(unavailable('the host did not answer in time')),
        ms,
      )
      const settle = () => {
        clearTimeout(timer)
        this.#pending.delete(id)
      }
      this.#pending.set(id, {
        resolve: (value) => {
          settle()
          resolve(value)
        },
        reject: (error) => {
          settle()
          reject(error)
        },
      })
      stream.write(`${JSON.stringify({ id, ...question })}\n`)
    })
    if (reply.ok) return reply
    throw new EngineError(reply.kind as ErrorKind, reply.message, {
      ...(reply.hint === undefined ? {} : { hint: reply.hint }),
      ...(reply.details === undefined ? {} : { details: reply.details }),
    })
  }

  #receive(line: string): void {
    let value: unknown
    try {
      value = JSON.parse(line)
    } catch (cause) {
      throw new Error(`host link: not JSON: ${messageOf(cause)}`)
    }
    const reply = v.parse(replySchema, value)
    this.#pending.get(reply.id)?.resolve(reply)
  }

  #lost(): void {
    this.#stream = undefined
    for (const pending of [...this.#pending.values()]) {
      pending.reject(unavailable('the connection to the Slipway app was lost'))
    }
  }
}

function unavailable(message: string): EngineError {
  return new EngineError('unavailable', message, { hint: 'Open the Slipway app, or run `slipway start`.' })
}

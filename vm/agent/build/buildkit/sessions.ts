/** The sessions that are open, by their id. */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { EngineError } from '../../../api/errors.ts'
import { GrpcClient } from './grpc-client.ts'
import { Session } from './session.ts'

const PATIENCE_MS = 20_000

export class Sessions {
  readonly #open = new Map<string, Session>()
  readonly #waiting = new Map<string, ((session: Session) => void)[]>()

  /** Serves a connection until it ends. Each of the methods that it offers has a header of its own. */
  async accept(stream: Duplex, request: Pick<IncomingMessage, 'headersDistinct'>): Promise<void> {
    const headers = request.headersDistinct
    const id = headers['x-docker-expose-session-uuid']?.[0] ?? ''
    const client = new GrpcClient(stream)
    const methods = headers['x-docker-expose-session-grpc-method'] ?? []
    const session = new Session(client, methods, headers['x-docker-expose-session-sharedkey']?.[0])
    this.#open.set(id, session)
    for (const wake of this.#waiting.get(id) ?? []) wake(session)
    this.#waiting.delete(id)
    try {
      if (!client.closed.aborted)
        await new Promise<void>((resolve) => client.closed.addEventListener('abort', () => resolve()))
    } finally {
      if (this.#open.get(id) === session) this.#open.delete(id)
      client.close()
    }
  }

  /** The session of this id, waited for a while: client and session come on connections of their own. */
  async find(id: string, options: { signal?: AbortSignal }): Promise<Session> {
    const known = this.#open.get(id)
    if (known) return known
    const patience = AbortSignal.timeout(PATIENCE_MS)
    const signal = options.signal ? AbortSignal.any([options.signal, patience]) : patience
    return new Promise((resolve, reject) => {
      const list = this.#waiting.get(id) ?? []
      this.#waiting.set(id, [...list, resolve])
      signal.addEventListener('abort', () => {
        options.signal?.aborted
          ? reject(options.signal.reason)
          : reject(new EngineError('not_found', `no active session for ${id}: context deadline exceeded`))
      })
    })
  }
}

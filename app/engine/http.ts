import {
  Agent,
  type ClientRequest,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http'
import type { Duplex, Readable } from 'node:stream'
import { EngineError } from '../../vm/api/errors.ts'
import { ENGINE_SOCKET } from '../../vm/api/version.ts'
import type { Dial } from '../machine/dial.ts'
import { saidError } from '../sayings.ts'
import { responseError } from './response-error.ts'

export type Query = Readonly<Record<string, string | number | boolean | undefined>>

export interface EngineRequest {
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE'
  readonly path: string
  readonly query?: Query
  /** Sent as JSON. */
  readonly json?: unknown
  /** Sent as it comes, with back-pressure. */
  readonly body?: AsyncIterable<Uint8Array>
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal | undefined
}

/** A connection taken over from HTTP: attach and exec. */
export interface Hijacked {
  readonly stream: Duplex
  /** True when the bytes are in 8-byte frames (no TTY). */
  readonly multiplexed: boolean
}

/**
 * HTTP to the engine over an injected dial: a few idle connections are kept for small requests, a stream or a hijacked
 * connection has its own. Failures are EngineErrors with the kind of the engine's status and Docker's own message;
 * 'unavailable' when the connection broke, 'cancelled' when the signal fired.
 */
export class EngineHttp implements Disposable {
  readonly #agent: DialAgent

  constructor(dial: Dial) {
    this.#agent = new DialAgent(dial)
  }

  /** The answer's headers; its body must be read or destroyed. Throws for every status of 300 and above. */
  async open(request: EngineRequest): Promise<IncomingMessage> {
    try {
      return await this.#send(request)
    } catch (error) {
      // The engine may close an idle connection at the moment we reuse it; nothing was done then.
      if (!(error instanceof StaleConnection)) throw error
      return await this.#send(request)
    }
  }

  /** The parsed JSON answer; undefined when it has no body. */
  async json<T>(request: EngineRequest): Promise<T> {
    const text = await readText(await this.open(request), request.signal)
    return (text === '' ? undefined : JSON.parse(text)) as T
  }

  /** For answers whose body does not matter. */
  async run(request: EngineRequest): Promise<void> {
    const response = await this.open(request)
    response.resume()
    if (!response.complete) await ended(response, request.signal)
  }

  /** The answer's bytes as they come; leaving the loop closes the connection. */
  async *bytes(request: EngineRequest): AsyncGenerator<Uint8Array, void, undefined> {
    const response = await this.open(request)
    yield* readBytes(response, request.signal)
  }

  /** Takes the connection over (`Upgrade: tcp`); bytes that came with the headers are not lost. */
  async hijack(request: EngineRequest): Promise<Hijacked> {
    const headers = { ...request.headers, connection: 'Upgrade', upgrade: 'tcp' }
    return await new Promise<Hijacked>((resolve, reject) => {
      const message = httpRequest(this.#options({ ...request, headers }, 'POST'))
      message.on('error', (cause) => reject(connectionError(cause, request.signal)))
      message.on('response', (response) => {
        responseError(response).then(reject, reject)
      })
      message.on('upgrade', (response, socket, head) => {
        if (head.length > 0) socket.unshift(head)
        const type = response.headers['content-type'] ?? ''
        resolve({ stream: socket, multiplexed: type.includes('multiplexed') })
      })
      message.end(request.json === undefined ? undefined : JSON.stringify(request.json))
    })
  }

  [Symbol.dispose](): void {
    this.#agent.destroy()
  }

  #options(request: EngineRequest, method: string): RequestOptions {
    const headers: Record<string, string> = { host: 'engine', ...request.headers }
    if (request.json !== undefined) headers['content-type'] = 'application/json'
    const options: RequestOptions = {
      agent: this.#agent,
      method: request.method ?? method,
      path: request.path + queryString(request.query),
      headers,
    }
    if (request.signal) options.signal = request.signal
    return options
  }

  async #send(request: EngineRequest): Promise<IncomingMessage> {
    request.signal?.throwIfAborted()
    const message = httpRequest(this.#options(request, request.json === undefined ? 'GET' : 'POST'))
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      message.on('response', resolve)
      message.on('error', (cause: NodeJS.ErrnoException) => {
        const broken = cause.code === 'ECONNRESET' || cause.code === 'EPIPE'
        const idle = message.reusedSocket && broken && request.body === undefined
        reject(idle ? new StaleConnection() : connectionError(cause, request.signal))
      })
    })
    let sendFailed: Promise<never> | undefined
    if (request.body === undefined) {
      const payload = request.json === undefined ? undefined : Buffer.from(JSON.stringify(request.json))
      if (payload) message.setHeader('content-length', payload.length)
      message.end(payload)
    } else {
      sendFailed = sendBody(message, request.body)
    }
    const response = await (sendFailed ? Promise.race([answered, sendFailed]) : answered)
    const status = response.statusCode ?? 500
    if (status >= 300) throw await responseError(response)
    return response
  }
}

class StaleConnection extends Error {}

/**
 * Sends a body with back-pressure. Never resolves; rejects with the failure of the body's own source, which ends the
 * request. A failure of the connection is the request's to tell.
 */
async function sendBody(message: ClientRequest, body: AsyncIterable<Uint8Array>): Promise<never> {
  const closed = new Promise<void>((resolve) => message.once('close', resolve))
  try {
    for await (const chunk of body) {
      if (message.destroyed) break
      if (message.write(chunk)) continue
      await Promise.race([closed, new Promise<void>((resolve) => message.once('drain', resolve))])
    }
    message.end()
  } catch (error) {
    message.destroy()
    throw error
  }
  return await new Promise<never>(() => undefined)
}

/** Reads an answer's body as bytes; a broken connection is 'unavailable', not an end. */
export async function* readBytes(
  response: Readable,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const chunk of response) yield chunk as Uint8Array
  } catch (cause) {
    throw connectionError(cause, signal)
  } finally {
    response.destroy()
  }
}

async function readText(response: IncomingMessage, signal?: AbortSignal): Promise<string> {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of response) chunks.push(chunk as Buffer)
  } catch (cause) {
    throw connectionError(cause, signal)
  }
  return Buffer.concat(chunks).toString('utf8')
}

async function ended(response: IncomingMessage, signal?: AbortSignal): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    response.on('end', resolve)
    response.on('error', (cause) => reject(connectionError(cause, signal)))
    response.on('close', resolve)
  })
}

/** A failure of the transport: its own EngineError when it has one, 'cancelled' when the caller gave up. */
export function connectionError(cause: unknown, signal?: AbortSignal): EngineError {
  if (signal?.aborted) return new EngineError('cancelled', 'the request was cancelled', { cause })
  if (cause instanceof EngineError) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  return saidError('unavailable', { code: 'engine_lost', detail: reason }, { cause })
}

function queryString(query: Query = {}): string {
  const pairs = Object.entries(query).flatMap(([key, value]) =>
    value === undefined ? [] : [`${encodeURIComponent(key)}=${encodeURIComponent(value)}`],
  )
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`
}

/** The engine closed its half of an idle connection: nothing can be asked on it any more. */
function destroyEnded(this: Duplex): void {
  this.destroy()
}

/** An http.Agent whose connections are channels of the dial rather than sockets. */
class DialAgent extends Agent {
  readonly #dial: Dial

  constructor(dial: Dial) {
    super({ keepAlive: true, maxFreeSockets: 4, scheduling: 'lifo' })
    this.#dial = dial
  }

  override createConnection(
    options: RequestOptions,
    done?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    const dialled = this.#dial({ path: ENGINE_SOCKET }, options.signal ? { signal: options.signal } : {})
    dialled.then(
      (stream) => done?.(null, stream),
      (error: Error) => done?.(error, undefined as never),
    )
    return undefined
  }

  /** The base class calls net.Socket's methods, which a channel does not have. */
  override keepSocketAlive(socket: Duplex): boolean {
    socket.once('end', destroyEnded)
    return true
  }
  override reuseSocket(socket: Duplex, request: ClientRequest): void {
    socket.off('end', destroyEnded)
    // The base class takes its listener of the idle time away, and calls a net.Socket's `ref`.
    super.reuseSocket(Object.assign(socket, { ref: () => socket }), request)
  }
}

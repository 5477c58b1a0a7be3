/** Calls to a gRPC server at the other end of a connection. */
import type { ClientHttp2Session, ClientHttp2Stream, OutgoingHttpHeaders } from 'node:http2'
import type { Duplex } from 'node:stream'
import { EngineError } from '../../../api/errors.ts'
import { errorOf, frame, frames, type Status, statusIn } from './grpc-frames.ts'
import type { Message } from './proto.ts'

/** Bytes that the peer may send ahead: between the VM and its host each turn costs milliseconds. */
const WINDOW = 4 * 1024 * 1024

export interface ClientCall {
  send(message: Uint8Array): Promise<void>
  /** No more will be sent. */
  end(): void
  /** Throws after the last one when the call failed. */
  readonly messages: AsyncIterable<Buffer>
  cancel(): void
}
/** Metadata of a call; a list is sent as several of one name. */
export type Metadata = Readonly<Record<string, string | readonly string[]>>

export class GrpcClient {
  readonly #session: ClientHttp2Session
  /** Fires when the connection is gone. */
  readonly closed: AbortSignal

  constructor(stream: Duplex) {
    const { connect } = process.getBuiltinModule('node:http2')
    const closed = new AbortController()
    this.closed = closed.signal
    const settings = { initialWindowSize: WINDOW, enablePush: false }
    this.#session = connect('http://session', { createConnection: () => stream, settings })
    this.#session.on('connect', () => {
      if (!this.#session.destroyed) this.#session.setLocalWindowSize(WINDOW)
    })
    // What was under way on it hears of it; there is nobody else to tell.
    this.#session.on('error', () => closed.abort())
    this.#session.on('close', () => closed.abort())
    stream.on('close', () => closed.abort())
  }

  close(): void {
    this.#session.destroy()
  }

  /** Begins a call; `signal` cancels it. */
  call(path: string, metadata: Metadata, options: { signal?: AbortSignal } = {}): ClientCall {
    options.signal?.throwIfAborted()
    if (this.closed.aborted) throw new EngineError('unavailable', 'the session of the client has ended')
    const stream = this.#session.request({
      ...(metadata as OutgoingHttpHeaders),
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    const cancel = () => stream.close(8)
    options.signal?.addEventListener('abort', cancel, { once: true })
    stream.on('close', () => options.signal?.removeEventListener('abort', cancel))
    const messages = answers(stream, path)
    return {
      messages,
      cancel,
      end: () => stream.end(),
      send: (message) =>
        new Promise((resolve, reject) => {
          if (stream.destroyed) reject(new EngineError('unavailable', `${path}: the call has ended`))
          else stream.write(frame(message), (error) => (error ? reject(error) : resolve()))
        }),
    }
  }

  /** One message, one answer. */
  async unary<Q, A>(
    path: string,
    types: { request: Message<Q>; answer: Message<A> },
    request: Partial<Q>,
    options: { signal?: AbortSignal } = {},
  ): Promise<A> {
    const call = this.call(path, {}, options)
    await call.send(types.request.encode(request))
    call.end()
    let answer: A | undefined
    for await (const bytes of call.messages) answer ??= types.answer.decode(bytes)
    if (answer === undefined) throw new EngineError('internal', `${path}: no answer`)
    return answer
  }
}

/** What the peer answers; a status that is not OK, or none at all, is thrown after it. */
function answers(stream: ClientHttp2Stream, path: string): AsyncIterable<Buffer> {
  let status: Status | undefined
  const note = (headers: Record<string, unknown>) => {
    status ??= statusIn(headers)
  }
  stream.on('response', note)
  stream.on('trailers', note)
  const closed = new Promise<void>((resolve) => stream.on('close', resolve))
  // Whoever reads the answers is told; until then it must not end the process.
  stream.on('error', () => undefined)
  return (async function* () {
    let failure: unknown
    try {
      yield* frames(stream)
    } catch (error) {
      failure = error
    }
    // The trailers come after the last byte.
    await closed
    const found = status ?? { code: 14, message: 'the connection ended before the answer' }
    if (found.code !== 0) throw errorOf(found, path)
    if (failure !== undefined) throw failure
  })()
}

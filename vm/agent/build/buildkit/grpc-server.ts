/** A gRPC server on one connection that a client has upgraded to HTTP/2. */
import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import type { Duplex } from 'node:stream'
import { EngineError } from '../../../api/errors.ts'
import { frame, frames, statusOf, statusTrailers } from './grpc-frames.ts'
import type { Message } from './proto.ts'

export interface ServerCall {
  readonly headers: IncomingHttpHeaders
  /** What the client sends. */
  readonly messages: AsyncIterable<Buffer>
  send(message: Uint8Array): Promise<void>
  /** Fires when the client gives the call up or is gone. */
  readonly signal: AbortSignal
}
export type Method = (call: ServerCall) => Promise<void>
/** By path: `/moby.buildkit.v1.Control/Solve`. */
export type Methods = Readonly<Record<string, Method>>

/** One message, one answer. */
export function unary<Q, A>(
  request: Message<Q>,
  answer: Message<A>,
  handle: (request: Q, call: ServerCall) => Promise<Partial<A>>,
): Method {
  return async (call) => call.send(answer.encode(await handle(await only(request, call), call)))
}

/** One message, any number of answers. */
export function streaming<Q, A>(
  request: Message<Q>,
  answer: Message<A>,
  handle: (request: Q, call: ServerCall) => AsyncIterable<Partial<A>>,
): Method {
  return async (call) => {
    for await (const item of handle(await only(request, call), call)) await call.send(answer.encode(item))
  }
}

/** Serves until the connection ends. `onError` hears of failures that are the engine's own. */
export async function serveGrpc(
  stream: Duplex,
  methods: Methods,
  onError: (error: unknown, what: string) => void,
): Promise<void> {
  // Loaded with the first such client: under emulation every module costs the engine's start.
  const http2 = process.getBuiltinModule('node:http2') as typeof import('node:http2') & {
    performServerHandshake(socket: Duplex): ServerHttp2Session
  }
  const session = http2.performServerHandshake(stream)
  session.on('stream', (call, headers) => void serve(call, headers, methods, onError))
  // A connection that breaks off ends its calls, which hear of it; clients do not say goodbye.
  session.on('error', () => undefined)
  await new Promise<void>((resolve) => session.on('close', resolve))
}

async function serve(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  methods: Methods,
  onError: (error: unknown, what: string) => void,
): Promise<void> {
  const abort = new AbortController()
  const path = headers[':path'] ?? ''
  stream.on('error', () => abort.abort())
  stream.on('close', () => abort.abort())
  let trailers = statusTrailers({ code: 0, message: '' })
  stream.on('wantTrailers', () => stream.sendTrailers(trailers))
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
  try {
    const method = Object.hasOwn(methods, path) ? methods[path] : undefined
    if (!method) throw new EngineError('not_implemented', `unknown method ${path}`)
    await method({
      headers,
      messages: frames(stream.iterator({ destroyOnReturn: false })),
      send: (message) => written(stream, message),
      signal: abort.signal,
    })
  } catch (error) {
    const status = statusOf(error)
    if (!(error instanceof EngineError) && !abort.signal.aborted) onError(error, path)
    trailers = statusTrailers(status)
  }
  if (!stream.destroyed) stream.end()
  stream.resume()
}

async function only<Q>(request: Message<Q>, call: ServerCall): Promise<Q> {
  for await (const bytes of call.messages) return request.decode(bytes)
  throw new EngineError('invalid_argument', 'the request has no message')
}

function written(stream: ServerHttp2Stream, message: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    if (stream.destroyed) reject(new EngineError('cancelled', 'the client is gone'))
    else stream.write(frame(message), (error) => (error ? reject(error) : resolve()))
  })
}

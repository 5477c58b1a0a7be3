import { type IncomingMessage, Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import { EngineError } from '../vm/api/errors.ts'
import type { Dispatcher } from './dispatch.ts'
import { decodeFrame, decodeJson, type Envelope, encodeFrame, encodeJson, toWireError } from './wire.ts'

/** A saved file of the editor is the largest argument. */
const BODY_LIMIT = 64 * 2 ** 20
const FRAME_LIMIT = 16 * 2 ** 20

export interface ApiServerOptions {
  readonly dispatcher: Dispatcher
  /** Who may use the API: answers why not ('unauthenticated' or 'permission_denied'). */
  readonly refuse: (request: IncomingMessage) => EngineError | undefined
  /** Everything that is not the API. */
  readonly otherwise?: (request: IncomingMessage, response: ServerResponse) => void
}

/** Node's own server forgets connections that were upgraded, and its `close` would wait for them without end. */
class ApiServer extends Server {
  readonly sockets = new WebSocketServer({
    noServer: true,
    maxPayload: FRAME_LIMIT,
    perMessageDeflate: false,
  })

  override closeAllConnections(): void {
    super.closeAllConnections()
    for (const socket of this.sockets.clients) socket.terminate()
  }
}

/** The contract over HTTP and WebSocket, as app/wire.ts specifies it. The caller makes it listen. */
export function createApiServer(options: ApiServerOptions): Server {
  const server = new ApiServer((request, response) => {
    const method = nameOf(request, '/api/call/')
    if (method !== undefined) void serveCall(options, method, request, response)
    else if (options.otherwise) options.otherwise(request, response)
    else response.writeHead(404).end()
  })
  server.on('upgrade', (request, socket, head) => {
    const stream = nameOf(request, '/api/stream/')
    const refusal = options.refuse(request)
    if (stream === undefined || refusal) refuseUpgrade(socket, refusal ? statusOf(refusal) : 404)
    else
      server.sockets.handleUpgrade(request, socket, head, (ws) => serveStream(options.dispatcher, stream, ws))
  })
  return server
}

function nameOf(request: IncomingMessage, prefix: string): string | undefined {
  const path = (request.url ?? '').split('?')[0] ?? ''
  return path.startsWith(prefix) ? path.slice(prefix.length) : undefined
}

function statusOf(error: EngineError): number {
  return error.kind === 'unauthenticated' ? 401 : 403
}

function refuseUpgrade(socket: Duplex, status: number): void {
  socket.on('error', () => socket.destroy())
  socket.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

async function serveCall(
  { dispatcher, refuse }: ApiServerOptions,
  method: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController()
  response.on('close', () => gone.abort())
  const refusal = refuse(request)
  if (refusal) return answer(response, statusOf(refusal), { ok: false, error: toWireError(refusal) })
  let args: unknown
  try {
    args = decodeJson(await readBody(request))
  } catch (error) {
    return answer(response, 400, { ok: false, error: toWireError(error) })
  }
  answer(response, 200, await dispatcher.call(method, args, { signal: gone.signal }))
}

function answer(response: ServerResponse, status: number, envelope: Envelope): void {
  if (response.destroyed) return
  const body = Buffer.from(encoded(envelope))
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': body.length,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  })
  response.end(body)
}

/** A value that is no JSON (a handler's mistake) is a failure of the call, not a call without an answer. */
function encoded(envelope: Envelope): string {
  try {
    return encodeJson(envelope)
  } catch (error) {
    return encodeJson({ ok: false, error: toWireError(error) })
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  if (request.method !== 'POST') throw new EngineError('invalid_argument', 'calls are POST requests')
  // A foreign page cannot send this type without asking first, and is refused then.
  if (!/^application\/json\b/.test(request.headers['content-type'] ?? '')) {
    throw new EngineError('invalid_argument', 'calls are application/json')
  }
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > BODY_LIMIT) throw new EngineError('invalid_argument', 'the arguments are too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function serveStream(dispatcher: Dispatcher, name: string, ws: WebSocket): void {
  ws.binaryType = 'nodebuffer'
  const stream = dispatcher.accept(name, (frame) => {
    if (ws.readyState !== ws.OPEN) return
    ws.send(encodeFrame(frame))
    if (frame.type === 'end' || frame.type === 'error' || frame.type === 'cancel') ws.close(1000)
  })
  ws.on('message', (data: Buffer, binary) => {
    try {
      stream.receive(decodeFrame(binary ? data : data.toString('utf8')))
    } catch (error) {
      stream.refuse(error)
    }
  })
  ws.on('error', () => ws.terminate())
  ws.on('close', () => stream.lost())
}

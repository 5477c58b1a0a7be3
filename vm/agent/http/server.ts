/** The engine's HTTP server: one unix socket, version prefix, routes, and errors turned into `{message}`. */
import { chmod, rm } from 'node:fs/promises'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex, Readable } from 'node:stream'
import { kindOf, messageOf } from '../../api/errors.ts'
import { API_VERSION, ENGINE_VERSION, MIN_API_VERSION } from '../../api/version.ts'
import { HttpContext } from './context.ts'
import { splitUpgradeBody, type Upgrade } from './hijack.ts'
import { createServer, ServerResponse as Response } from './node-http.ts'
import { type Route, Router } from './router.ts'
import { statusOf } from './status.ts'
import { cleanPath, splitTarget } from './target.ts'
import { checkVersion, compareVersions, splitVersion } from './version-prefix.ts'

export interface HttpServerOptions {
  routes: readonly Route[]
  /** Told about failures that are the engine's own fault (status 500). */
  onError(error: unknown, what: string): void
}

interface Incoming {
  request: IncomingMessage
  response: ServerResponse
  body: Readable
  upgrade: Upgrade | undefined
}

/**
 * As dockerd waits: for a request's head five minutes, for the next request on a connection without end. Clients keep
 * pools of connections, some of them not used once, and do not look whether one was closed meanwhile.
 */
const PATIENT = { requestTimeout: 0, headersTimeout: 300_000, keepAliveTimeout: 0 }

export class HttpServer implements AsyncDisposable {
  readonly #server: Server
  readonly #router: Router
  readonly #onError: HttpServerOptions['onError']
  readonly #streams = new Set<Duplex>()

  constructor(options: HttpServerOptions) {
    this.#router = new Router(options.routes)
    this.#onError = options.onError
    this.#server = createServer(PATIENT, (request, response) => {
      void this.#serve({ request, response, body: request, upgrade: undefined })
    })
    this.#server.on('upgrade', (request, stream, head) => void this.#serveUpgrade(request, stream, head))
  }

  /** Listens on a unix socket that only root may open; a stale socket file is replaced. */
  async listen(path: string): Promise<void> {
    await rm(path, { force: true })
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(path, () => {
        this.#server.off('error', reject)
        resolve()
      })
    })
    await chmod(path, 0o600)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    for (const stream of this.#streams) stream.destroy()
    await closed
  }

  async #serveUpgrade(request: IncomingMessage, stream: Duplex, head: Buffer): Promise<void> {
    this.#streams.add(stream)
    stream.on('close', () => this.#streams.delete(stream))
    // A reset by the peer ends the stream; whoever reads or writes it sees that.
    stream.on('error', () => stream.destroy())
    try {
      const { body, upgrade } = await splitUpgradeBody(request, stream, head)
      const response = new Response(request)
      response.shouldKeepAlive = false
      response.assignSocket(stream as never)
      response.on('finish', () => stream.end())
      await this.#serve({ request, response, body, upgrade })
    } catch (error) {
      this.#onError(error, 'upgrade')
      stream.destroy()
    }
  }

  async #serve(incoming: Incoming): Promise<void> {
    const { request, response } = incoming
    const abort = new AbortController()
    const onClose = () => {
      if (!response.writableFinished) abort.abort()
    }
    response.on('close', onClose)
    incoming.upgrade?.stream.on('close', () => abort.abort())
    response.setHeader('Server', `Docker/${ENGINE_VERSION} (linux)`)
    let context: HttpContext | undefined
    try {
      const { pathname, query } = splitTarget(request.url ?? '/')
      const clean = cleanPath(pathname)
      if (clean !== pathname)
        return bare(response, 301, { Location: query === '' ? clean : `${clean}?${query}` })
      const { path, version } = splitVersion(pathname)
      const found = this.#router.match(request.method ?? '', path)
      if (!found && request.method !== 'OPTIONS') return sendError(response, 404, 'page not found')
      for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value)
      if (!acceptVersion(response, version)) return
      if (!found) return bare(response, 200)
      const { params } = found
      context = new HttpContext({
        ...incoming,
        params,
        query: new URLSearchParams(query),
        apiVersion: version,
        signal: abort.signal,
      })
      await found.route.handler(context)
    } catch (error) {
      this.#fail(error, incoming, context)
    }
  }

  #fail(error: unknown, { request, response, upgrade }: Incoming, context: HttpContext | undefined): void {
    const status = statusOf(error)
    if (status === 500 && kindOf(error) !== 'invalid_argument')
      this.#onError(error, `${request.method} ${request.url}`)
    if (context?.hijacked) {
      ;(upgrade?.stream ?? response).destroy()
      return
    }
    if (response.headersSent || kindOf(error) === 'cancelled') {
      response.destroy()
      return
    }
    sendError(response, status, messageOf(error))
  }
}

const HEADERS = {
  'Api-Version': API_VERSION,
  'Docker-Experimental': 'false',
  Ostype: 'linux',
} as const

function bare(response: ServerResponse, status: number, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'Content-Length': 0, ...headers })
  response.end()
}

/** Clients that are too old for us are too old for JSON errors, too. */
function acceptVersion(response: ServerResponse, version: string): boolean {
  try {
    checkVersion(version)
    return true
  } catch (error) {
    if (compareVersions(version, MIN_API_VERSION) >= 0) throw error
    const text = `${messageOf(error)}\n`
    response.writeHead(400, {
      'Content-Type': 'text/plain; charset=utf-8',
      'X-Content-Type-Options': 'nosniff',
      'Content-Length': Buffer.byteLength(text),
    })
    response.end(text)
    return false
  }
}

function sendError(response: ServerResponse, status: number, message: string): void {
  if (status === 304) {
    response.writeHead(304)
    response.end()
    return
  }
  const text = `${JSON.stringify({ message })}\n`
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
  })
  response.end(text)
}

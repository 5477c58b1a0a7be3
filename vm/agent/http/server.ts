/** The engine's HTTP server: one unix socket, version prefix, routes, and errors turned into `{message}`. */
import { chmod, rm } from 'node:fs/promises'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex, Readable } from 'node:stream'
import { kindOf, messageOf } from '../../api/errors.ts'
import { API_VERSION, ENGINE_VERSION } from '../../api/version.ts'
import { HttpContext } from './context.ts'
import { splitUpgradeBody, type Upgrade } from './hijack.ts'
import { createServer, ServerResponse as Response } from './node-http.ts'
import { type Route, Router } from './router.ts'
import { statusOf } from './status.ts'
import { stripVersion } from './version-prefix.ts'

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

export class HttpServer implements AsyncDisposable {
  readonly #server: Server
  readonly #router: Router
  readonly #onError: HttpServerOptions['onError']
  readonly #streams = new Set<Duplex>()

  constructor(options: HttpServerOptions) {
    this.#router = new Router(options.routes)
    this.#onError = options.onError
    this.#server = createServer({ requestTimeout: 0, keepAliveTimeout: 120_000 }, (request, response) => {
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
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value)
    let context: HttpContext | undefined
    try {
      const url = new URL(request.url ?? '/', 'http://engine')
      const { path, version } = stripVersion(url.pathname)
      const found = this.#router.match(request.method ?? '', path)
      if (!found) return notFound(response)
      const { params } = found
      context = new HttpContext({
        ...incoming,
        params,
        query: url.searchParams,
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
    if (status === 500) this.#onError(error, `${request.method} ${request.url}`)
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
  Server: `Docker/${ENGINE_VERSION} (linux)`,
} as const

function notFound(response: ServerResponse): void {
  sendError(response, 404, 'page not found')
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

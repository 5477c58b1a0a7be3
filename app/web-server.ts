import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createApiServer } from './api-server.ts'
import type { Dispatcher } from './dispatch.ts'
import type { Log } from './shell/log.ts'
import { contentSecurityPolicy, servePage } from './static-files.ts'
import { WebGuard } from './web-guard.ts'

export interface WebServerOptions {
  readonly dispatcher: Dispatcher
  /** The built renderer. */
  readonly folder: string
  /** 0: any free one. */
  readonly port: number
  readonly log: Log
}

/** The window in an ordinary browser: page and contract on the loopback, for holders of a token. */
export class WebServer implements AsyncDisposable {
  readonly #server: Server
  readonly #guard: WebGuard

  private constructor(server: Server, guard: WebGuard) {
    this.#server = server
    this.#guard = guard
  }

  static async listen({ dispatcher, folder, port, log }: WebServerOptions): Promise<WebServer> {
    let guard: WebGuard | undefined
    let csp = ''
    const server = createApiServer({
      dispatcher,
      refuse: (request) => guard?.refuse(request),
      otherwise: (request, response) => {
        if (!guard) return
        servePageGuarded({ guard, folder, csp }, request, response).catch((error: unknown) => {
          log.error('page failed', error)
          response.destroy()
        })
      },
    })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, '127.0.0.1', resolve)
    })
    const bound = (server.address() as AddressInfo).port
    guard = new WebGuard(bound)
    csp = contentSecurityPolicy([`ws://127.0.0.1:${bound}`, `ws://localhost:${bound}`])
    return new WebServer(server, guard)
  }

  /** A fresh one-time address. */
  address(): string {
    return this.#guard.address()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

async function servePageGuarded(
  { guard, folder, csp }: { guard: WebGuard; folder: string; csp: string },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://page')
  const token = url.pathname === '/' ? url.searchParams.get('token') : null
  if (token !== null && !guard.refuseForeign(request)) {
    const cookie = guard.exchange(token)
    if (cookie !== undefined || !guard.refuse(request)) {
      response
        .writeHead(303, { location: '/', ...(cookie === undefined ? {} : { 'set-cookie': cookie }) })
        .end()
      return
    }
  }
  const refusal = guard.refuse(request)
  if (!refusal) {
    await servePage(folder, csp, request, response)
    return
  }
  response.writeHead(refusal.kind === 'unauthenticated' ? 401 : 403, {
    'content-type': 'text/plain; charset=utf-8',
    'cache-control': 'no-store',
  })
  response.end(
    refusal.kind === 'unauthenticated'
      ? 'This address works once and was used, or is not complete.\nRun "slipway open" for a new one.\n'
      : `${refusal.message}\n`,
  )
}

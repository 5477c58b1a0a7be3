import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { EngineError } from '../vm/api/errors.ts'

/**
 * Who may use the UI on loopback: a browser that came with a one-time token and got a cookie for it. Other local
 * users have no token, other sites fail Host (DNS rebinding) and Origin (cross-site requests and sockets).
 */
export class WebGuard {
  readonly #port: number
  readonly #tokens = new Set<string>()
  readonly #sessions = new Set<string>()

  constructor(port: number) {
    this.#port = port
  }

  /** A fresh address of the page; its token works once. */
  address(): string {
    const token = randomBytes(24).toString('base64url')
    this.#tokens.add(digest(token))
    return `http://127.0.0.1:${this.#port}/?token=${token}`
  }

  /** Spends a token; answers the cookie to set, or undefined when the token is not (or no longer) good. */
  exchange(token: string): string | undefined {
    if (!this.#tokens.delete(digest(token))) return undefined
    const session = randomBytes(24).toString('base64url')
    this.#sessions.add(session)
    return `${this.#cookie}=${session}; HttpOnly; SameSite=Strict; Path=/`
  }

  /** Why a request is refused; undefined when it is not. */
  readonly refuse = (request: IncomingMessage): EngineError | undefined =>
    this.refuseForeign(request) ??
    (this.#authenticated(request)
      ? undefined
      : new EngineError('unauthenticated', 'no session for this page'))

  /** The part of `refuse` that holds for the page itself too. */
  refuseForeign({ headers }: IncomingMessage): EngineError | undefined {
    const hosts = [`127.0.0.1:${this.#port}`, `localhost:${this.#port}`]
    if (!headers.host || !hosts.includes(headers.host)) {
      return new EngineError('permission_denied', 'foreign host')
    }
    const upgrade = headers.upgrade !== undefined
    if (headers.origin === undefined ? upgrade : headers.origin !== `http://${headers.host}`) {
      return new EngineError('permission_denied', 'foreign origin')
    }
    return undefined
  }

  /** Cookies do not tell ports apart, so the name does: two homes may be open in one browser. */
  get #cookie(): string {
    return `slipway-${this.#port}`
  }

  #authenticated({ headers }: IncomingMessage): boolean {
    for (const pair of (headers.cookie ?? '').split(';')) {
      const [name, value] = pair.trim().split('=')
      if (name !== this.#cookie || !value) continue
      for (const session of this.#sessions) if (same(session, value)) return true
    }
    return false
  }
}

function digest(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

function same(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(digest(a)), Buffer.from(digest(b)))
}

/** Registry authentication: challenges, basic credentials and bearer tokens (distribution spec, token auth). */
import { EngineError } from '../../api/errors.ts'
import type { RegistryAuth } from '../../api/images.ts'
import { type HttpResponse, type RegistryHttp, readBody, readErrorBody } from './registry-http.ts'

export interface Challenge {
  /** Lower case: `bearer`, `basic`. */
  scheme: string
  parameters: Record<string, string>
}

const MAX_TOKEN = 1024 * 1024
/** Tokens without a lifetime are good for a minute (the spec's own default). */
const DEFAULT_LIFETIME_S = 60

/** Parses WWW-Authenticate (RFC 9110 11.6.1): several challenges, quoted values with commas. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = []
  const token =
    /\s*,?\s*(?:([\w!#$%&'*+.^`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))|([\w-]+)(?=\s|$|,))/gy
  for (let match = token.exec(header); match; match = token.exec(header)) {
    const [, key, quoted, plain, scheme] = match
    if (scheme !== undefined) challenges.push({ scheme: scheme.toLowerCase(), parameters: {} })
    const current = challenges.at(-1)
    if (key !== undefined && current) {
      current.parameters[key.toLowerCase()] = quoted?.replace(/\\(.)/g, '$1') ?? plain ?? ''
    }
  }
  return challenges
}

/** User and password of an X-Registry-Auth header, whichever way they were sent. */
export function credentialsOf(
  auth: RegistryAuth | undefined,
): { username: string; password: string } | undefined {
  if (auth?.username) return { username: auth.username, password: auth.password ?? '' }
  if (!auth?.auth) return undefined
  const decoded = Buffer.from(auth.auth, 'base64').toString()
  const colon = decoded.indexOf(':')
  return colon < 0 ? undefined : { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) }
}

/** Answers the challenges of one registry for one user, and remembers the tokens it got. */
export class Authorizer {
  readonly #http: RegistryHttp
  readonly #auth: RegistryAuth | undefined
  readonly #insecure: boolean
  /** scope → header value, with its end of life in ms. */
  readonly #tokens = new Map<string, { value: string; until: number }>()
  #basic: string | undefined

  constructor(http: RegistryHttp, auth: RegistryAuth | undefined, insecure: boolean) {
    this.#http = http
    this.#auth = auth
    this.#insecure = insecure
    if (auth?.registrytoken) this.#basic = `Bearer ${auth.registrytoken}`
  }

  /** The Authorization header to send with a request of this scope, if one is known. */
  header(scope: string): string | undefined {
    const token = this.#tokens.get(scope)
    return token && token.until > Date.now() ? token.value : this.#basic
  }

  /** Learns what a 401 asks for. False when nothing more can be offered. */
  async answer(response: HttpResponse, scope: string, signal?: AbortSignal): Promise<boolean> {
    const challenges = parseChallenges(response.header('www-authenticate') ?? '')
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer')
    if (bearer) {
      this.#tokens.set(scope, await this.#fetchToken(bearer, scope, signal))
      return true
    }
    if (!challenges.some(({ scheme }) => scheme === 'basic')) return false
    const credentials = credentialsOf(this.#auth)
    if (!credentials) {
      throw new EngineError(
        'internal',
        `${methodText(response)} "${response.url.href}": no basic auth credentials`,
      )
    }
    const value = basicHeader(credentials)
    if (this.#basic === value) return false
    this.#basic = value
    return true
  }

  async #fetchToken(challenge: Challenge, scope: string, signal: AbortSignal | undefined) {
    const { realm, service, scope: asked } = challenge.parameters
    if (realm === undefined || !URL.canParse(realm)) {
      throw new EngineError('internal', `invalid token realm: ${realm ?? '(none)'}`)
    }
    const url = new URL(realm)
    const credentials = credentialsOf(this.#auth)
    const response = this.#auth?.identitytoken
      ? await this.#refresh(url, service, asked ?? scope, this.#auth.identitytoken, signal)
      : await this.#getToken(url, service, asked ?? scope, credentials, signal)
    if (response.status !== 200) throw await tokenRefusal(response)
    const body: unknown = JSON.parse((await readBody(response, MAX_TOKEN)).toString())
    const { token, lifetime } = tokenOf(body)
    if (token === undefined) throw new EngineError('internal', `${realm}: the answer has no token`)
    return { value: `Bearer ${token}`, until: Date.now() + Math.max(lifetime - 10, 10) * 1000 }
  }

  #getToken(
    url: URL,
    service: string | undefined,
    scope: string,
    credentials: { username: string; password: string } | undefined,
    signal: AbortSignal | undefined,
  ): Promise<HttpResponse> {
    if (service !== undefined) url.searchParams.set('service', service)
    for (const part of scope.split(' ').filter(Boolean)) url.searchParams.append('scope', part)
    if (credentials) url.searchParams.set('account', credentials.username)
    return this.#http.request({
      method: 'GET',
      url,
      headers: credentials ? { authorization: basicHeader(credentials) } : {},
      insecure: this.#insecure,
      ...(signal ? { signal } : {}),
    })
  }

  /** OAuth2 refresh (`docker login` with an identity token). */
  #refresh(
    url: URL,
    service: string | undefined,
    scope: string,
    token: string,
    signal: AbortSignal | undefined,
  ): Promise<HttpResponse> {
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      client_id: 'docker',
      scope,
      refresh_token: token,
      ...(service === undefined ? {} : { service }),
    })
    return this.#http.request({
      method: 'POST',
      url,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: Buffer.from(form.toString()),
      insecure: this.#insecure,
      ...(signal ? { signal } : {}),
    })
  }
}

async function tokenRefusal(response: HttpResponse): Promise<EngineError> {
  const text = await readErrorBody(response)
  return response.status === 401 || response.status === 403
    ? new EngineError('unauthenticated', 'unauthorized: authentication required', {
        details: { code: 'UNAUTHORIZED' },
      })
    : new EngineError(
        'internal',
        `failed to fetch anonymous token: unexpected status from GET request to ${response.url.href}: ${response.status} ${text.slice(0, 200)}`,
        { details: { temporary: response.status >= 500 } },
      )
}

function tokenOf(body: unknown): { token: string | undefined; lifetime: number } {
  if (typeof body !== 'object' || body === null) return { token: undefined, lifetime: 0 }
  const fields = body as Record<string, unknown>
  const token = fields['token'] ?? fields['access_token']
  const lifetime = Number(fields['expires_in'])
  return {
    token: typeof token === 'string' && token !== '' ? token : undefined,
    lifetime: lifetime > 0 ? lifetime : DEFAULT_LIFETIME_S,
  }
}

function basicHeader({ username, password }: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}

function methodText(response: HttpResponse): string {
  return (response.body as { req?: { method?: string } }).req?.method === 'HEAD' ? 'Head' : 'Get'
}

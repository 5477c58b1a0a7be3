/**
 * HTTP for registries: one request with redirects, deadlines and the host's proxy, failures in the words of Docker.
 * node:http rather than fetch: the dialled address must differ from the Host header (the host's loopback), and
 * megabytes go through without web streams.
 */
import type { Agent, ClientRequest, IncomingMessage } from 'node:http'
import type { AgentOptions as HttpsAgentOptions } from 'node:https'
import { EngineError } from '../../api/errors.ts'
import type { EngineConfig, RegistryCertificate } from '../../api/slipway.ts'
import { Agent as HttpAgent, request as httpRequest } from '../http/node-http.ts'
import { isLoopback } from './registry-endpoints.ts'

/** With the first use, not with the engine: TLS and its root certificates are a quarter of what loading costs. */
const https = () => process.getBuiltinModule('node:https')
const rootCertificates = () => process.getBuiltinModule('node:tls').rootCertificates

export interface HttpTimeouts {
  /** Until the response's head, milliseconds. */
  head: number
  /** Without a byte while a body is read, milliseconds. */
  idle: number
}
const TIMEOUTS: HttpTimeouts = { head: 30_000, idle: 30_000 }
const MAX_REDIRECTS = 10
const UNKNOWN_AUTHORITY = /SELF_SIGNED|UNABLE_TO_(GET|VERIFY)/
/** Error bodies are for a message; more is noise or malice. */
const MAX_ERROR_BODY = 64 * 1024

export interface HttpRequest {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  url: URL
  headers?: Record<string, string>
  /** A stream's chunk is gone when the next is asked for. */
  body?: Uint8Array | AsyncIterable<Uint8Array>
  /** Accept any certificate (registries configured as insecure). */
  insecure?: boolean
  signal?: AbortSignal
}

export interface HttpResponse {
  status: number
  url: URL
  header(name: string): string | undefined
  body: IncomingMessage
}

type TlsOptions = Pick<HttpsAgentOptions, 'ca' | 'cert' | 'key'>
type HttpConfig = Pick<EngineConfig, 'httpProxy' | 'httpsProxy' | 'noProxy' | 'registryCertificates'>

export class RegistryHttp implements AsyncDisposable {
  readonly #timeouts: HttpTimeouts
  readonly #config: () => HttpConfig
  /** What localhost means to the user: the address of their machine as seen from here. */
  readonly #hostLoopback: string | undefined
  readonly #agents = new Map<string, Agent>()

  constructor(options: {
    config: () => HttpConfig
    hostLoopback?: string | undefined
    timeouts?: Partial<HttpTimeouts>
  }) {
    this.#config = options.config
    this.#hostLoopback = options.hostLoopback
    this.#timeouts = { ...TIMEOUTS, ...options.timeouts }
  }

  /** Answers with any status but followed redirects; the caller reads or destroys the body. */
  async request(request: HttpRequest): Promise<HttpResponse> {
    let { url, headers = {} } = request
    for (let hop = 0; ; hop++) {
      const response = await this.#once({ ...request, url, headers })
      const location = response.header('location')
      const redirected = [301, 302, 303, 307, 308].includes(response.status)
      if (!redirected || location === undefined || !['GET', 'HEAD'].includes(request.method)) return response
      response.body.resume()
      if (hop >= MAX_REDIRECTS) throw failure(request, `stopped after ${MAX_REDIRECTS} redirects`)
      const next = new URL(location, url)
      if (!/^https?:$/.test(next.protocol))
        throw failure(request, `unsupported protocol scheme "${next.protocol}"`)
      // Credentials belong to the registry, not to the storage it points at.
      if (next.host !== url.host) headers = without(headers, 'authorization')
      url = next
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const agent of this.#agents.values()) agent.destroy()
    this.#agents.clear()
  }

  #once(request: HttpRequest): Promise<HttpResponse> {
    return new Promise((resolve, reject) => this.#send(request, resolve, reject))
  }

  #send(request: HttpRequest, resolve: (r: HttpResponse) => void, reject: (e: unknown) => void): void {
    const { url } = request
    const secure = url.protocol === 'https:'
    const hostname = bare(url.hostname)
    const outgoing = (secure ? https().request : httpRequest)({
      method: request.method,
      host: this.#dialled(hostname),
      ...(url.port === '' ? {} : { port: url.port }),
      path: url.pathname + url.search,
      headers: { host: url.host, 'user-agent': 'slipway', ...request.headers, ...lengthOf(request.body) },
      agent: this.#agent(url, request.insecure ?? false),
      ...(secure && !/^[\d.]+$|:/.test(hostname) ? { servername: hostname } : {}),
      ...(request.signal ? { signal: request.signal } : {}),
    })
    const deadline = setTimeout(
      () =>
        outgoing.destroy(new Error('net/http: request canceled (timeout exceeded while awaiting headers)')),
      this.#timeouts.head,
    )
    outgoing.on('error', (error) => {
      clearTimeout(deadline)
      reject(request.signal?.aborted ? request.signal.reason : failure(request, goText(error, url), error))
    })
    outgoing.on('response', (body) => {
      clearTimeout(deadline)
      this.#watchIdle(body, request)
      resolve({ status: body.statusCode ?? 0, url, body, header: (name) => single(body.headers[name]) })
    })
    if (request.body === undefined) outgoing.end()
    else if (request.body instanceof Uint8Array) outgoing.end(request.body)
    else {
      // An upload moves while bytes move: the deadline for the head starts at the end of the body.
      outgoing.setTimeout(this.#timeouts.idle, () => outgoing.destroy(new Error('i/o timeout')))
      deadline.refresh()
      sendBody(outgoing, request.body, () => deadline.refresh()).catch((error: unknown) =>
        outgoing.destroy(error instanceof Error ? error : new Error(String(error))),
      )
    }
  }

  #watchIdle(body: IncomingMessage, request: HttpRequest): void {
    const { socket } = body
    const stalled = () => body.destroy(failure(request, 'i/o timeout'))
    socket.setTimeout(this.#timeouts.idle, stalled)
    body.once('close', () => {
      socket.off('timeout', stalled)
      socket.setTimeout(0)
    })
  }

  #dialled(hostname: string): string {
    if (this.#hostLoopback !== undefined && (isLoopback(hostname) || hostname === 'host.docker.internal')) {
      return this.#hostLoopback
    }
    return hostname
  }

  #agent(url: URL, insecure: boolean): Agent {
    const { httpProxy, httpsProxy, noProxy, registryCertificates } = this.#config()
    const proxyEnv = {
      HTTP_PROXY: this.#proxyUrl(httpProxy),
      HTTPS_PROXY: this.#proxyUrl(httpsProxy),
      NO_PROXY: [noProxy, 'localhost', '127.0.0.0/8', this.#hostLoopback].filter(Boolean).join(','),
    }
    const secure = url.protocol === 'https:'
    const own = secure ? registryCertificates.find(({ registry }) => isNamed(registry, url)) : undefined
    const key = JSON.stringify([secure, insecure, proxyEnv, own])
    let agent = this.#agents.get(key)
    if (!agent) {
      const options = {
        keepAlive: true,
        maxSockets: 16,
        timeout: 60_000,
        // Nothing is read ahead: what the kernel holds meanwhile comes in one piece.
        highWaterMark: 1,
        ...(httpProxy || httpsProxy ? { proxyEnv } : {}),
      }
      agent = secure
        ? new (https().Agent)({ ...options, ...tlsOptions(own), rejectUnauthorized: !insecure })
        : new HttpAgent(options)
      this.#agents.set(key, agent)
    }
    return agent
  }

  #proxyUrl(text: string): string | undefined {
    if (!URL.canParse(text)) return undefined
    const url = new URL(text)
    if (this.#hostLoopback && isLoopback(bare(url.hostname))) url.hostname = this.#hostLoopback
    return url.href
  }
}

/** Each chunk is on its way before the next is asked for: it may be the same buffer again. */
async function sendBody(
  outgoing: ClientRequest,
  body: AsyncIterable<Uint8Array>,
  onMove: () => void,
): Promise<void> {
  const closed = new Promise<'closed'>((resolve) => outgoing.once('close', () => resolve('closed')))
  for await (const chunk of body) {
    onMove()
    const sent = new Promise<void>((resolve, reject) =>
      outgoing.write(chunk, (error) => (error ? reject(error) : resolve())),
    )
    if ((await Promise.race([sent, closed])) === 'closed') return
  }
  outgoing.end()
}

/** The body of a small answer; more than `limit` bytes is data_loss. */
export async function readBody(response: HttpResponse, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response.body) {
    size += chunk.length
    if (size > limit) {
      throw new EngineError('data_loss', `${response.url.href}: answer is longer than ${limit} bytes`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** What an error answer says, capped. */
export async function readErrorBody(response: HttpResponse): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response.body) {
    chunks.push(chunk)
    size += chunk.length
    if (size >= MAX_ERROR_BODY) break
  }
  return Buffer.concat(chunks).subarray(0, MAX_ERROR_BODY).toString()
}

/** True when the same request may go through later. */
export function isTemporary(error: unknown): boolean {
  return error instanceof EngineError && error.details?.['temporary'] === true
}

/** True when no HTTP answer came at all (as opposed to a refusal). */
export function isUnreachable(error: unknown): boolean {
  return error instanceof EngineError && error.details?.['unreachable'] === true
}

function failure(request: HttpRequest, text: string, cause?: Error): EngineError {
  const code = cause && 'code' in cause ? String(cause.code) : ''
  const permanent =
    ['ENOTFOUND', 'ECONNREFUSED', 'EPROTO', 'ENETUNREACH'].includes(code) || /TLS|CERT|SSL/.test(code)
  const method = request.method[0] + request.method.slice(1).toLowerCase()
  return new EngineError('internal', `${method} "${request.url.href}": ${text}`, {
    cause,
    details: { temporary: !permanent, unreachable: true },
  })
}

/** Windows has no colon in a folder's name: Docker leaves it out there. */
function isNamed(registry: string, { host }: URL): boolean {
  return registry === host || registry === host.replaceAll(':', '')
}

/** The registry's own authorities beside the well-known ones, as dockerd takes them. */
function tlsOptions(own: RegistryCertificate | undefined): TlsOptions {
  if (!own) return {}
  return {
    ...(own.ca.length > 0 ? { ca: [...rootCertificates(), ...own.ca] } : {}),
    cert: own.clients.map(({ certificate }) => certificate),
    key: own.clients.map(({ key }) => key),
  }
}

/** Node's error in Go's words, which is what docker's users search for. */
function goText(error: Error, url: URL): string {
  const code = 'code' in error ? String(error.code) : ''
  const address = `${url.hostname}:${url.port || (url.protocol === 'https:' ? '443' : '80')}`
  switch (code) {
    case 'ENOTFOUND':
      return `dial tcp: lookup ${url.hostname}: no such host`
    case 'EAI_AGAIN':
      return `dial tcp: lookup ${url.hostname}: Temporary failure in name resolution`
    case 'ECONNREFUSED':
      return `dial tcp ${address}: connect: connection refused`
    case 'ENETUNREACH':
      return `dial tcp ${address}: connect: network is unreachable`
    case 'EHOSTUNREACH':
      return `dial tcp ${address}: connect: no route to host`
    case 'ETIMEDOUT':
      return `dial tcp ${address}: i/o timeout`
    case 'ECONNRESET':
      return 'read: connection reset by peer'
    case 'EPROTO':
      return 'http: server gave HTTP response to HTTPS client'
    default:
      return /CERT|SELF_SIGNED|UNABLE_TO/.test(code)
        ? `tls: failed to verify certificate: x509: ${UNKNOWN_AUTHORITY.test(code) ? 'certificate signed by unknown authority' : error.message}`
        : error.message
  }
}

function lengthOf(body: HttpRequest['body']): Record<string, string> {
  return body instanceof Uint8Array ? { 'content-length': String(body.length) } : {}
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value
}

function without(headers: Record<string, string>, name: string): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([key]) => key.toLowerCase() !== name))
}

function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '')
}

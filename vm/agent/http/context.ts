import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex, Readable } from 'node:stream'
import type * as v from 'valibot'
import { EngineError, kindOf, messageOf } from '../../api/errors.ts'
import { readJson } from './body.ts'
import { hijackResponse, hijackUpgrade, type Upgrade } from './hijack.ts'
import { parseFilters, parseFlag, parseInteger } from './query.ts'
import type { Context, Filters } from './router.ts'

export interface HttpContextOptions {
  request: IncomingMessage
  response: ServerResponse
  params: Record<string, string>
  query: URLSearchParams
  apiVersion: string
  signal: AbortSignal
  body: Readable
  upgrade: Upgrade | undefined
}

/** The Context of one request over node:http. */
export class HttpContext implements Context {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  readonly apiVersion: string
  readonly signal: AbortSignal
  readonly body: Readable
  readonly #upgrade: Upgrade | undefined
  #hijacked = false

  constructor(options: HttpContextOptions) {
    this.request = options.request
    this.response = options.response
    this.params = options.params
    this.query = options.query
    this.apiVersion = options.apiVersion
    this.signal = options.signal
    this.body = options.body
    this.#upgrade = options.upgrade
  }

  /** Whether the connection belongs to the handler now. */
  get hijacked(): boolean {
    return this.#hijacked
  }

  param(name: string): string {
    const value = this.params[name]
    if (value === undefined) throw new EngineError('internal', `route has no parameter ${name}`)
    return value
  }

  flag(name: string, fallback = false): boolean {
    return parseFlag(this.query.get(name), fallback)
  }

  int(name: string): number | undefined {
    return parseInteger(name, this.query.get(name))
  }

  filters(): Filters {
    return parseFilters(this.query.get('filters'))
  }

  json<S extends v.GenericSchema>(
    schema: S,
    options: { optional?: boolean } = {},
  ): Promise<v.InferOutput<S>> {
    return readJson(this.body, this.request.headers['content-type'], schema, options.optional ?? false)
  }

  send(status: number, value: unknown): void {
    const text = `${JSON.stringify(value)}\n`
    this.response.writeHead(status, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(text),
    })
    this.response.end(text)
  }

  empty(status = 204): void {
    this.response.writeHead(status, status === 204 || status === 304 ? {} : { 'Content-Length': 0 })
    this.response.end()
  }

  text(status: number, text: string): void {
    this.response.writeHead(status, {
      'Content-Type': 'text/plain; charset=utf-8',
      'Content-Length': Buffer.byteLength(text),
    })
    this.response.end(text)
  }

  async stream(
    contentType: string,
    chunks: AsyncIterable<Uint8Array>,
    options: { status?: number; eager?: boolean; headers?: Record<string, string> } = {},
  ): Promise<void> {
    const start = () => {
      if (this.response.headersSent) return
      this.response.writeHead(options.status ?? 200, { 'Content-Type': contentType, ...options.headers })
      this.response.flushHeaders()
    }
    if (options.eager) start()
    for await (const chunk of chunks) {
      start()
      if (!(await this.#write(chunk))) return
    }
    start()
    this.response.end()
  }

  async jsonLines(
    values: AsyncIterable<unknown>,
    options: { eager?: boolean; contentType?: string } = {},
  ): Promise<void> {
    try {
      await this.stream(options.contentType ?? 'application/json', lines(values), {
        eager: options.eager ?? false,
      })
    } catch (error) {
      if (!this.response.headersSent || kindOf(error) === 'cancelled') throw error
      const message = messageOf(error)
      const last = { errorDetail: { message }, error: message }
      this.response.end(`${JSON.stringify(last)}\r\n`)
    }
  }

  async hijack(options: { contentType: string; protocol?: string }): Promise<Duplex> {
    this.#hijacked = true
    if (this.#upgrade) {
      const { stream } = this.#upgrade
      this.response.detachSocket(stream as never)
      return hijackUpgrade(this.#upgrade, options.contentType, options.protocol ?? 'tcp')
    }
    return hijackResponse(this.request, this.response, options.contentType)
  }

  takeUpgrade(): Upgrade {
    if (!this.#upgrade) throw new EngineError('invalid_argument', 'the request does not ask for an upgrade')
    this.#hijacked = true
    this.response.detachSocket(this.#upgrade.stream as never)
    return this.#upgrade
  }

  /** Answers when the chunk is on its way, so that its buffer may be used again; false when the client is gone. */
  async #write(chunk: Uint8Array): Promise<boolean> {
    if (this.response.destroyed || this.signal.aborted) return false
    await new Promise<void>((resolve) => {
      const done = () => {
        this.response.off('close', done)
        resolve()
      }
      this.response.on('close', done)
      this.response.write(chunk, done)
    })
    return !this.response.destroyed
  }
}

async function* lines(values: AsyncIterable<unknown>): AsyncIterable<Uint8Array> {
  for await (const value of values) yield Buffer.from(`${JSON.stringify(value)}\r\n`)
}

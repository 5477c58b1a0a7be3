/** Route tables of the engine API: what a route is, what its handler is given, and how a path finds its route. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex, Readable } from 'node:stream'
import type * as v from 'valibot'

/** Filters of list, prune and events, as parsed from the `filters` query: key → values. */
export type Filters = Record<string, string[]>

/**
 * One request. A handler parses and validates first, then calls its backend, then answers with exactly one of the
 * answering methods; a failure before the first byte is thrown and becomes `{message}` with the status of its kind.
 */
export interface Context {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Values of the `{names}` in the route's path, percent-decoded. */
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  /** The API version that the client asked for (`1.47`), or the newest. */
  readonly apiVersion: string
  /** Fires when the client goes away. */
  readonly signal: AbortSignal

  /** A path parameter that the route's template declares. */
  param(name: string): string
  /** Docker's booleans: absent, empty, `0`, `no`, `false`, `none` are false, all else is true. */
  flag(name: string, fallback?: boolean): boolean
  /** A whole number; invalid_argument names the parameter. */
  int(name: string): number | undefined
  /** The `filters` parameter in both of Docker's forms (lists, or maps to booleans). */
  filters(): Filters
  /** The body, parsed and checked. An absent body is `{}` where `optional`. invalid_argument names the field. */
  json<S extends v.GenericSchema>(schema: S, options?: { optional?: boolean }): Promise<v.InferOutput<S>>
  /** The body as bytes. */
  readonly body: Readable

  /** Answers JSON. */
  send(status: number, value: unknown): void
  /** Answers without a body. */
  empty(status?: number): void
  text(status: number, text: string): void
  /**
   * Streams bytes with back-pressure; the next chunk is asked for when the last is on its way. The status is sent with the first chunk (`eager`: at once), so that a failure
   * before it still gets a status; a later one cuts the connection.
   */
  stream(
    contentType: string,
    chunks: AsyncIterable<Uint8Array>,
    options?: { status?: number; eager?: boolean; headers?: Record<string, string> },
  ): Promise<void>
  /**
   * Streams one JSON value per line. A failure before the first value gets a status; a later one is a last line
   * `{errorDetail, error}` as in pull, push and build.
   */
  jsonLines(
    values: AsyncIterable<unknown>,
    options?: { eager?: boolean; contentType?: string },
  ): Promise<void>
  /**
   * Takes the connection over after the headers: 101 when the client asked to upgrade, else 200 with a body that
   * ends when the stream ends. Bytes that came with the headers are not lost; EOF from the client ends the readable
   * side only.
   */
  hijack(options: { contentType: string; protocol?: string }): Promise<Duplex>
  /** The raw connection of an upgrade without any answer yet (websocket); invalid_argument when it is none. */
  takeUpgrade(): { stream: Duplex; head: Buffer }
}

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE'

export interface Route {
  readonly method: Method
  /** `/containers/{id}/start`; `{name*}` also takes slashes (image names). */
  readonly path: string
  handler(ctx: Context): Promise<void> | void
}

interface Compiled {
  readonly route: Route
  readonly pattern: RegExp
}

export class Router {
  readonly #routes = new Map<string, Compiled[]>()

  constructor(routes: readonly Route[]) {
    for (const route of routes) {
      const list = this.#routes.get(route.method) ?? []
      list.push({ route, pattern: compile(route.path) })
      this.#routes.set(route.method, list)
    }
  }

  /** The first route of the table that fits; `path` is as it came, without version prefix and query. */
  match(method: string, path: string): { route: Route; params: Record<string, string> } | undefined {
    for (const { route, pattern } of this.#routes.get(method) ?? []) {
      const groups = pattern.exec(path)
      if (!groups) continue
      const params: Record<string, string> = {}
      for (const [name, value] of Object.entries(groups.groups ?? {})) params[name] = decode(value)
      return { route, params }
    }
    return undefined
  }
}

function compile(path: string): RegExp {
  const source = path
    .split(/(\{[A-Za-z]+\*?\})/)
    .map((part) => {
      const name = /^\{([A-Za-z]+)(\*?)\}$/.exec(part)
      if (!name) return part.replace(/[.*+?^$()|[\]\\]/g, '\\$&')
      return name[2] ? `(?<${name[1]}>.*)` : `(?<${name[1]}>[^/]+)`
    })
    .join('')
  return new RegExp(`^${source}$`)
}

function decode(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}

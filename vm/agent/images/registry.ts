/**
 * Client of a distribution v2 registry (https://distribution.github.io/distribution/spec/api/). Layers: reference →
 * endpoints → authorisation → transport → verified bytes. Temporary failures are tried again with back-off; a blob
 * that breaks off goes on where it stopped.
 */
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { EngineError, kindOf, messageOf } from '../../api/errors.ts'
import type { RegistryAuth } from '../../api/images.ts'
import type { EngineConfig } from '../../api/slipway.ts'
import type { Descriptor, Digest } from '../content/store.ts'
import { MediaType } from './media-types.ts'
import { familiarName, familiarString, type Reference } from './reference.ts'
import { Authorizer } from './registry-auth.ts'
import { type Endpoint, endpointsOf } from './registry-endpoints.ts'
import { refusalOf } from './registry-errors.ts'
import {
  type HttpRequest,
  type HttpResponse,
  isTemporary,
  isUnreachable,
  type RegistryHttp,
  readBody,
} from './registry-http.ts'

/** As dockerd: bigger manifests are refused. */
const MAX_MANIFEST = 4 * 1024 * 1024
const MAX_TAGS = 10_000
const ATTEMPTS = 5
/**
 * Each piece of a blob costs a wake-up of the engine, and a network that is slower than the engine brings it packet by
 * packet. After a small piece the next is left to gather in the kernel for a moment. Pieces are 64 KiB at most, or a
 * TLS record.
 */
const SMALL = { 'http:': 48 * 1024, 'https:': 16 * 1024 }
const GATHER_MS = 10
const MANIFEST_TYPES = [
  MediaType.OCI_INDEX,
  MediaType.DOCKER_LIST,
  MediaType.OCI_MANIFEST,
  MediaType.DOCKER_MANIFEST,
  MediaType.DOCKER_SCHEMA1_SIGNED,
  MediaType.DOCKER_SCHEMA1,
].join(', ')

interface Options {
  signal?: AbortSignal
}
export interface RemoteManifest {
  descriptor: Descriptor
  bytes: Uint8Array
}

export class Registry {
  readonly #http: RegistryHttp
  readonly #config: () => EngineConfig
  readonly #backoffMs: number
  /** Registries that answered over plain http: the https attempt is not made again. */
  readonly #plain = new Set<string>()

  constructor(options: { http: RegistryHttp; config: () => EngineConfig; backoffMs?: number }) {
    this.#http = options.http
    this.#config = options.config
    this.#backoffMs = options.backoffMs ?? 250
  }

  /**
   * Calls `use` with each endpoint of the reference's registry until one serves. Mirrors that fail are passed over;
   * of several failures the last endpoint's is thrown, which is the registry's own.
   */
  async withRepository<T>(
    reference: Reference,
    options: {
      auth?: RegistryAuth | undefined
      actions?: string
      mirrors?: boolean
      signal?: AbortSignal | undefined
    },
    use: (repository: Repository) => Promise<T>,
  ): Promise<T> {
    let last: unknown
    for (const endpoint of this.#endpoints(reference.domain, options.mirrors ?? true)) {
      try {
        const result = await use(this.#repository(endpoint, reference, options))
        if (endpoint.insecure && endpoint.base.startsWith('http:')) this.#plain.add(reference.domain)
        return result
      } catch (error) {
        options.signal?.throwIfAborted()
        last = error
        const plainMayDo = endpoint.insecure && endpoint.base.startsWith('https:') && isUnreachable(error)
        if (!endpoint.mirror && !plainMayDo) throw error
      }
    }
    throw last
  }

  /** `GET /v2/` with these credentials, as `docker login` asks. unauthenticated when they are wrong. */
  async login(domain: string, auth: RegistryAuth, options: Options = {}): Promise<void> {
    const reference: Reference = { domain, path: '', tag: undefined, digest: undefined }
    await this.withRepository(reference, { auth, actions: '', mirrors: false, ...options }, (repository) =>
      repository.ping(options),
    )
  }

  /** One authorised GET below the registry's root, parsed as JSON. */
  async getJson(
    domain: string,
    path: string,
    options: { auth?: RegistryAuth; signal?: AbortSignal },
  ): Promise<unknown> {
    const reference: Reference = { domain, path: '', tag: undefined, digest: undefined }
    return this.withRepository(reference, { ...options, actions: '' }, (repository) =>
      repository.getJson(path, options),
    )
  }

  #endpoints(domain: string, mirrors: boolean): Endpoint[] {
    const all = endpointsOf(domain, this.#config()).filter((endpoint) => mirrors || !endpoint.mirror)
    return this.#plain.has(domain) ? all.filter(({ base }) => base.startsWith('http:')) : all
  }

  #repository(
    endpoint: Endpoint,
    reference: Reference,
    options: { auth?: RegistryAuth | undefined; actions?: string },
  ): Repository {
    return new Repository({
      http: this.#http,
      endpoint,
      reference,
      scope: options.actions === '' ? '' : `repository:${reference.path}:${options.actions ?? 'pull'}`,
      // Credentials for the hub are not for its mirrors.
      authorizer: new Authorizer(this.#http, endpoint.mirror ? undefined : options.auth, endpoint.insecure),
      backoffMs: this.#backoffMs,
    })
  }
}

/** One repository at one endpoint. */
export class Repository {
  readonly reference: Reference
  readonly #http: RegistryHttp
  readonly #endpoint: Endpoint
  readonly #scope: string
  readonly #authorizer: Authorizer
  readonly #backoffMs: number

  constructor(options: {
    http: RegistryHttp
    endpoint: Endpoint
    reference: Reference
    scope: string
    authorizer: Authorizer
    backoffMs: number
  }) {
    this.reference = options.reference
    this.#http = options.http
    this.#endpoint = options.endpoint
    this.#scope = options.scope
    this.#authorizer = options.authorizer
    this.#backoffMs = options.backoffMs
  }

  async ping(options: Options = {}): Promise<void> {
    const response = await this.send({
      method: 'GET',
      url: new URL(`${this.#endpoint.base}/v2/`),
      ...options,
    })
    if (response.status !== 200) throw await this.refusal(response)
    response.body.resume()
  }

  async getJson(path: string, options: Options = {}): Promise<unknown> {
    const url = new URL(`${this.#endpoint.base}${path}`)
    const response = await this.send({ method: 'GET', url, ...options }, catalogScope(path))
    if (response.status !== 200) throw await this.refusal(response)
    return JSON.parse((await readBody(response, MAX_MANIFEST)).toString())
  }

  /** Manifest or index by tag or digest, its digest verified. not_found in Docker's words. */
  async manifest(target: string, expected?: Descriptor, options: Options = {}): Promise<RemoteManifest> {
    return this.#retry(async () => {
      const response = await this.send({
        method: 'GET',
        url: this.url(`manifests/${target}`),
        headers: { accept: MANIFEST_TYPES },
        ...options,
      })
      if (response.status !== 200) throw await this.refusal(response)
      const bytes = await readBody(response, MAX_MANIFEST)
      const digest: Digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
      const wanted = target.startsWith('sha256:') ? target : undefined
      if (wanted !== undefined && digest !== wanted) {
        throw new EngineError('data_loss', `manifest verification failed for digest ${wanted}: got ${digest}`)
      }
      if (expected && expected.size !== bytes.length) {
        throw new EngineError(
          'data_loss',
          `manifest ${digest}: expected ${expected.size} bytes, got ${bytes.length}`,
        )
      }
      return { descriptor: { mediaType: mediaTypeOf(response, bytes), digest, size: bytes.length }, bytes }
    }, options.signal)
  }

  /**
   * Bytes of a blob, never more than its size. What comes is not hashed here: the content store does that while it
   * writes. A connection that breaks or stalls is taken up where it stopped.
   */
  async *blob(
    descriptor: Pick<Descriptor, 'digest' | 'size'>,
    options: Options = {},
  ): AsyncIterable<Uint8Array> {
    const small = this.#endpoint.base.startsWith('https:') ? SMALL['https:'] : SMALL['http:']
    let offset = 0
    let failures = 0
    while (offset < descriptor.size || descriptor.size === 0) {
      const before = offset
      try {
        for await (const chunk of await this.#blobFrom(descriptor, offset, options)) {
          offset += chunk.length
          if (offset > descriptor.size) {
            throw new EngineError(
              'data_loss',
              `content ${descriptor.digest}: longer than the announced ${descriptor.size} bytes`,
            )
          }
          yield chunk
          if (chunk.length < small && offset < descriptor.size) await sleep(GATHER_MS, undefined, options)
        }
        if (offset >= descriptor.size) return
        throw new EngineError(
          'data_loss',
          `content ${descriptor.digest}: connection ended after ${offset} of ${descriptor.size} bytes`,
          {
            details: { temporary: true },
          },
        )
      } catch (error) {
        options.signal?.throwIfAborted()
        if (offset > before) failures = 0
        if (!isRetryable(error) || ++failures >= ATTEMPTS) throw error
        await this.#pause(failures, options.signal)
      }
    }
  }

  /** Stores a manifest under a tag or digest. */
  async putManifest(
    target: string,
    mediaType: string,
    bytes: Uint8Array,
    options: Options = {},
  ): Promise<void> {
    const response = await this.send({
      method: 'PUT',
      url: this.url(`manifests/${target}`),
      headers: { 'content-type': mediaType },
      body: bytes,
      ...options,
    })
    if (response.status !== 201 && response.status !== 200) throw await this.refusal(response)
    response.body.resume()
  }

  /** All tags, over as many pages as the registry makes of them. */
  async tags(options: Options = {}): Promise<string[]> {
    const tags: string[] = []
    let next: URL | undefined = this.url('tags/list')
    while (next && tags.length < MAX_TAGS) {
      const response: HttpResponse = await this.send({ method: 'GET', url: next, ...options })
      if (response.status !== 200) throw await this.refusal(response)
      const body: unknown = JSON.parse((await readBody(response, MAX_MANIFEST)).toString())
      const page = (body as { tags?: unknown } | null)?.tags
      if (Array.isArray(page)) tags.push(...page.filter((tag) => typeof tag === 'string'))
      const link = /<([^>]+)>;\s*rel="?next"?/.exec(response.header('link') ?? '')?.[1]
      next = link === undefined ? undefined : new URL(link, response.url)
    }
    return tags
  }

  url(path: string): URL {
    return new URL(`${this.#endpoint.base}/v2/${this.reference.path}/${path}`)
  }

  /** One authorised exchange; a 401 is answered once. The caller checks the status. */
  async send(request: HttpRequest, scope: string = this.#scope): Promise<HttpResponse> {
    for (let attempt = 0; ; attempt++) {
      const authorization = this.#authorizer.header(scope)
      const response = await this.#http
        .request({
          ...request,
          insecure: this.#endpoint.insecure,
          headers: { ...request.headers, ...(authorization === undefined ? {} : { authorization }) },
        })
        .catch((error: unknown) => {
          throw this.#asPing(error)
        })
      const repeatable = request.body === undefined || request.body instanceof Uint8Array
      if (response.status !== 401 || attempt > 0 || !repeatable) return response
      response.body.resume()
      if (!(await this.#authorizer.answer(response, scope, request.signal))) return response
    }
  }

  /** The error for a refusing answer, in the words of dockerd. */
  async refusal(response: HttpResponse): Promise<EngineError> {
    return refusalOf(response, {
      name: familiarName(this.reference),
      full: familiarString(this.reference),
    })
  }

  async #blobFrom(
    descriptor: Pick<Descriptor, 'digest' | 'size'>,
    offset: number,
    options: Options,
  ): Promise<AsyncIterable<Uint8Array>> {
    const response = await this.send({
      method: 'GET',
      url: this.url(`blobs/${descriptor.digest}`),
      ...(offset > 0 ? { headers: { range: `bytes=${offset}-` } } : {}),
      ...options,
    })
    if (response.status === 206 && offset > 0) return response.body
    if (response.status !== 200) throw await this.refusal(response)
    return offset > 0 ? skip(response.body, offset) : response.body
  }

  /** Docker pings first, so its users know a registry that cannot be reached by that line. */
  #asPing(error: unknown): unknown {
    if (!isUnreachable(error) || !(error instanceof EngineError) || isTemporary(error)) return error
    const message = error.message.replace(/^\w+ "[^"]*"/, `Get "${this.#endpoint.base}/v2/"`)
    return new EngineError(error.kind, message, { cause: error, details: error.details ?? {} })
  }

  async #retry<T>(attempt: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    for (let failures = 1; ; failures++) {
      try {
        return await attempt()
      } catch (error) {
        signal?.throwIfAborted()
        if (!isRetryable(error) || failures >= ATTEMPTS) throw error
        await this.#pause(failures, signal)
      }
    }
  }

  async #pause(failures: number, signal: AbortSignal | undefined): Promise<void> {
    const delay = this.#backoffMs * 2 ** (failures - 1) * (0.75 + Math.random() / 2)
    await sleep(delay, undefined, signal ? { signal } : {})
  }
}

function catalogScope(path: string): string {
  return path.startsWith('/v2/_catalog') ? 'registry:catalog:*' : ''
}

function isRetryable(error: unknown): boolean {
  if (isTemporary(error)) return true
  // Raw stream failures: a connection cut while a body was read.
  return (
    !(error instanceof EngineError) &&
    kindOf(error) !== 'cancelled' &&
    /ECONNRESET|aborted|EPIPE/.test(codeText(error))
  )
}

function codeText(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return `${code} ${messageOf(error)}`
}

/** Content-Type of the answer, or the manifest's own word where a server says nothing useful. */
function mediaTypeOf(response: HttpResponse, bytes: Uint8Array): string {
  const type = response.header('content-type')?.split(';')[0]?.trim().toLowerCase() ?? ''
  if (MANIFEST_TYPES.includes(type) && type !== '') return type
  try {
    const parsed: unknown = JSON.parse(Buffer.from(bytes).toString())
    const own = (parsed as { mediaType?: unknown } | null)?.mediaType
    return typeof own === 'string' ? own : type
  } catch (error) {
    throw new EngineError('data_loss', `${response.url.href}: the manifest is not JSON`, { cause: error })
  }
}

/** For servers that ignore Range: drops the first `count` bytes. */
async function* skip(source: AsyncIterable<Uint8Array>, count: number): AsyncIterable<Uint8Array> {
  let left = count
  for await (const chunk of source) {
    if (chunk.length <= left) left -= chunk.length
    else {
      yield chunk.subarray(left)
      left = 0
    }
  }
}

import type {
  ImageDeleteItem,
  ImageHistoryItem,
  ImageInspect,
  ImageSearchResult,
  ImageSummary,
  ImagesPruneResponse,
  RegistryAuth,
} from '../../vm/api/images.ts'
import type { CallOptions } from './containers.ts'
import type { EngineHttp } from './http.ts'
import { registryAuth } from './registry-auth.ts'

/** `/images/{name}` and what is below it; the slashes of a name stay. */
export function imagePath(name: string, rest = ''): string {
  return `/images/${name.split('/').map(encodeURIComponent).join('/')}${rest}`
}

/** Reading and removing images; `image-streams.ts` moves them. */
export class Images {
  readonly #http: EngineHttp

  constructor(http: EngineHttp) {
    this.#http = http
  }

  list(
    filters?: Readonly<Record<string, readonly string[]>>,
    { signal }: CallOptions = {},
  ): Promise<ImageSummary[]> {
    const query = { filters: filters && JSON.stringify(filters), 'shared-size': true }
    return this.#http.json({ path: '/images/json', query, signal })
  }
  inspect(name: string, { signal }: CallOptions = {}): Promise<ImageInspect> {
    return this.#http.json({ path: imagePath(name, '/json'), signal })
  }
  history(name: string, { signal }: CallOptions = {}): Promise<ImageHistoryItem[]> {
    return this.#http.json({ path: imagePath(name, '/history'), signal })
  }
  tag(name: string, target: string, { signal }: CallOptions = {}): Promise<void> {
    const { repository, tag } = splitTag(target)
    const query = { repo: repository, tag }
    return this.#http.run({ method: 'POST', path: imagePath(name, '/tag'), query, signal })
  }
  remove(
    name: string,
    { force, signal }: { force?: boolean | undefined } & CallOptions = {},
  ): Promise<ImageDeleteItem[]> {
    return this.#http.json({ method: 'DELETE', path: imagePath(name), query: { force }, signal })
  }
  /** What a registry finds; the order is the registry's. */
  search(
    term: string,
    { auth, signal }: { auth?: RegistryAuth | undefined } & CallOptions = {},
  ): Promise<ImageSearchResult[]> {
    const query = { term, limit: 25 }
    return this.#http.json({ path: '/images/search', query, headers: registryAuth(auth), signal })
  }
  /** Asks a registry whether it knows these credentials: 'unauthenticated' when not. */
  login(auth: RegistryAuth, { signal }: CallOptions = {}): Promise<void> {
    return this.#http.run({ method: 'POST', path: '/auth', json: auth, signal })
  }
  /** Dangling ones, or all that no container uses. */
  prune({ all, signal }: { all: boolean } & CallOptions): Promise<ImagesPruneResponse> {
    const filters = JSON.stringify({ dangling: [all ? 'false' : 'true'] })
    return this.#http.json({ method: 'POST', path: '/images/prune', query: { filters }, signal })
  }
}

/** `registry:5000/name:tag` → name and tag; a digest belongs to the name. */
export function splitTag(reference: string): { repository: string; tag: string | undefined } {
  const colon = reference.lastIndexOf(':')
  if (colon < 0 || reference.includes('@') || reference.includes('/', colon)) {
    return { repository: reference, tag: undefined }
  }
  return { repository: reference.slice(0, colon), tag: reference.slice(colon + 1) }
}

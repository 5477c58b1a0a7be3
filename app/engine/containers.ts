import type {
  Change,
  ContainerCreateRequest,
  ContainerCreateResponse,
  ContainerInspect,
  ContainerSummary,
  ContainersPruneResponse,
  TopResponse,
} from '../../vm/api/containers.ts'
import type { EngineHttp } from './http.ts'

export interface CallOptions {
  readonly signal?: AbortSignal | undefined
}

export interface ListOptions {
  readonly all?: boolean | undefined
  readonly size?: boolean | undefined
  readonly filters?: Readonly<Record<string, readonly string[]>> | undefined
}

/** `/containers/{id}` and what is below it. */
export function containerPath(id: string, rest = ''): string {
  return `/containers/${encodeURIComponent(id)}${rest}`
}

/** Reading, making and removing containers; `lifecycle.ts` runs them. */
export class Containers {
  readonly #http: EngineHttp

  constructor(http: EngineHttp) {
    this.#http = http
  }

  list({ all, size, filters }: ListOptions, { signal }: CallOptions = {}): Promise<ContainerSummary[]> {
    const query = { all, size, filters: filters && JSON.stringify(filters) }
    return this.#http.json({ path: '/containers/json', query, signal })
  }
  inspect(id: string, { signal }: CallOptions = {}): Promise<ContainerInspect> {
    return this.#http.json({ path: containerPath(id, '/json'), signal })
  }
  create(
    name: string | undefined,
    body: ContainerCreateRequest,
    { signal }: CallOptions = {},
  ): Promise<ContainerCreateResponse> {
    return this.#http.json({ path: '/containers/create', query: { name }, json: body, signal })
  }
  remove(
    id: string,
    {
      force,
      volumes,
      signal,
    }: { force?: boolean | undefined; volumes?: boolean | undefined } & CallOptions = {},
  ): Promise<void> {
    return this.#http.run({ method: 'DELETE', path: containerPath(id), query: { force, v: volumes }, signal })
  }
  prune({ signal }: CallOptions = {}): Promise<ContainersPruneResponse> {
    return this.#http.json({ method: 'POST', path: '/containers/prune', signal })
  }
  top(id: string, { signal }: CallOptions = {}): Promise<TopResponse> {
    return this.#http.json({ path: containerPath(id, '/top'), signal })
  }
  changes(id: string, { signal }: CallOptions = {}): Promise<Change[] | null> {
    return this.#http.json({ path: containerPath(id, '/changes'), signal })
  }
}

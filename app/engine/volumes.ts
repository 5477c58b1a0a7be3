import type { Volume, VolumeCreateRequest, VolumesListResponse } from '../../vm/api/volumes.ts'
import type { CallOptions } from './containers.ts'
import type { EngineHttp } from './http.ts'

export interface VolumesPruneResponse {
  VolumesDeleted: string[] | null
  SpaceReclaimed: number
}

export class Volumes {
  readonly #http: EngineHttp

  constructor(http: EngineHttp) {
    this.#http = http
  }

  async list({ signal }: CallOptions = {}): Promise<Volume[]> {
    const { Volumes } = await this.#http.json<VolumesListResponse>({ path: '/volumes', signal })
    return Volumes ?? []
  }
  create(body: VolumeCreateRequest, { signal }: CallOptions = {}): Promise<Volume> {
    return this.#http.json({ path: '/volumes/create', json: body, signal })
  }
  remove(name: string, { force, signal }: { force?: boolean | undefined } & CallOptions = {}): Promise<void> {
    const path = `/volumes/${encodeURIComponent(name)}`
    return this.#http.run({ method: 'DELETE', path, query: { force }, signal })
  }
  /** Anonymous ones, or all that no container uses. */
  prune({ all, signal }: { all: boolean } & CallOptions): Promise<VolumesPruneResponse> {
    const query = all ? { filters: JSON.stringify({ all: ['true'] }) } : {}
    return this.#http.json({ method: 'POST', path: '/volumes/prune', query, signal })
  }
}

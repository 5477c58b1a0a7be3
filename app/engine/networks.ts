import type { NetworkInspect } from '../../vm/api/networks.ts'
import type { CallOptions } from './containers.ts'
import type { EngineHttp } from './http.ts'

export class Networks {
  readonly #http: EngineHttp

  constructor(http: EngineHttp) {
    this.#http = http
  }

  list({ signal }: CallOptions = {}): Promise<NetworkInspect[]> {
    return this.#http.json({ path: '/networks', signal })
  }
  inspect(id: string, { signal }: CallOptions = {}): Promise<NetworkInspect> {
    return this.#http.json({ path: networkPath(id), signal })
  }
  create(body: Record<string, unknown>, { signal }: CallOptions = {}): Promise<{ Id: string }> {
    return this.#http.json({ path: '/networks/create', json: body, signal })
  }
  remove(id: string, { signal }: CallOptions = {}): Promise<void> {
    return this.#http.run({ method: 'DELETE', path: networkPath(id), signal })
  }
  connect(id: string, body: Record<string, unknown>, { signal }: CallOptions = {}): Promise<void> {
    return this.#http.run({ path: networkPath(id, '/connect'), json: body, signal })
  }
  disconnect(id: string, body: Record<string, unknown>, { signal }: CallOptions = {}): Promise<void> {
    return this.#http.run({ path: networkPath(id, '/disconnect'), json: body, signal })
  }
  prune({ signal }: CallOptions = {}): Promise<{ NetworksDeleted: string[] | null }> {
    return this.#http.json({ method: 'POST', path: '/networks/prune', signal })
  }
}

function networkPath(id: string, rest = ''): string {
  return `/networks/${encodeURIComponent(id)}${rest}`
}

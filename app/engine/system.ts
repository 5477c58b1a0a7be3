import type { RegistryAuth } from '../../vm/api/images.ts'
import type {
  ClockRequest,
  ClockResponse,
  ContainerFile,
  EngineConfig,
  MachineUsage,
  PublishedPort,
} from '../../vm/api/slipway.ts'
import type { DiskUsage, SystemInfo, VersionResponse } from '../../vm/api/system.ts'
import type { CallOptions } from './containers.ts'
import type { EngineHttp } from './http.ts'
import { registryAuth } from './registry-auth.ts'

/** The engine itself. */
export class System {
  readonly #http: EngineHttp

  constructor(http: EngineHttp) {
    this.#http = http
  }

  ping({ signal }: CallOptions = {}): Promise<void> {
    return this.#http.run({ path: '/_ping', signal })
  }
  version({ signal }: CallOptions = {}): Promise<VersionResponse> {
    return this.#http.json({ path: '/version', signal })
  }
  info({ signal }: CallOptions = {}): Promise<SystemInfo> {
    return this.#http.json({ path: '/info', signal })
  }
  df({ signal }: CallOptions = {}): Promise<DiskUsage> {
    return this.#http.json({ path: '/system/df', signal })
  }
  pruneBuilds({ signal }: CallOptions = {}): Promise<{ SpaceReclaimed: number }> {
    return this.#http.json({ method: 'POST', path: '/build/prune', query: { all: true }, signal })
  }
}

/** What Docker's API lacks (vm/api/slipway.ts). */
export class Slipway {
  readonly #http: EngineHttp

  constructor(http: EngineHttp) {
    this.#http = http
  }

  usage({ signal }: CallOptions = {}): Promise<MachineUsage> {
    return this.#http.json({ path: '/slipway/usage', signal })
  }
  setConfig(config: EngineConfig, { signal }: CallOptions = {}): Promise<void> {
    return this.#http.run({ method: 'PUT', path: '/slipway/config', json: config, signal })
  }
  setClock(clock: ClockRequest, { signal }: CallOptions = {}): Promise<ClockResponse> {
    return this.#http.json({ method: 'PUT', path: '/slipway/clock', json: clock, signal })
  }
  /** Stops all containers, `grace` seconds at most, and switches the machine off; the answer comes before the end. */
  shutdown(grace: number, { signal }: CallOptions = {}): Promise<void> {
    return this.#http.run({ method: 'POST', path: '/slipway/shutdown', query: { t: grace }, signal })
  }
  /** Tags that an image's registry lists. */
  registryTags(
    name: string,
    { auth, signal }: { auth?: RegistryAuth | undefined } & CallOptions = {},
  ): Promise<string[]> {
    const path = `/slipway/registry/tags`
    return this.#http.json({ path, query: { name }, headers: registryAuth(auth), signal })
  }
  files(id: string, path: string, { signal }: CallOptions = {}): Promise<ContainerFile[]> {
    return this.#http.json({ path: filesPath(id), query: { path }, signal })
  }
  deleteFile(id: string, path: string, { signal }: CallOptions = {}): Promise<void> {
    return this.#http.run({ method: 'DELETE', path: filesPath(id), query: { path }, signal })
  }
  volumeFiles(name: string, path: string, { signal }: CallOptions = {}): Promise<ContainerFile[]> {
    return this.#http.json({ path: volumeFilesPath(name), query: { path }, signal })
  }
  deleteVolumeFile(name: string, path: string, { signal }: CallOptions = {}): Promise<void> {
    return this.#http.run({ method: 'DELETE', path: volumeFilesPath(name), query: { path }, signal })
  }
  ports(id: string, { signal }: CallOptions = {}): Promise<PublishedPort[]> {
    return this.#http.json({ path: portsPath(id), signal })
  }
  setPorts(
    id: string,
    ports: readonly PublishedPort[],
    { signal }: CallOptions = {},
  ): Promise<PublishedPort[]> {
    return this.#http.json({ method: 'PUT', path: portsPath(id), json: ports, signal })
  }
}

function filesPath(id: string): string {
  return `/slipway/containers/${encodeURIComponent(id)}/files`
}

function volumeFilesPath(name: string): string {
  return `/slipway/volumes/${encodeURIComponent(name)}/files`
}

function portsPath(id: string): string {
  return `/slipway/containers/${encodeURIComponent(id)}/ports`
}

import type { Dial } from '../machine/dial.ts'
import { Archive } from './archive.ts'
import { ContainerStreams } from './container-streams.ts'
import { Containers, containerPath } from './containers.ts'
import { EngineHttp } from './http.ts'
import { ImageStreams } from './image-streams.ts'
import { Images } from './images.ts'
import { Lifecycle } from './lifecycle.ts'
import { Networks } from './networks.ts'
import { Slipway, System } from './system.ts'
import { Terminals } from './terminals.ts'
import { Volumes } from './volumes.ts'

/**
 * The engine as the host sees it: one typed method per endpoint, Docker's JSON names, failures as EngineError. Opens no
 * listener; every byte goes through the dial.
 */
export class EngineClient implements Disposable {
  readonly http: EngineHttp
  readonly system: System
  readonly slipway: Slipway
  readonly containers: Containers
  readonly lifecycle: Lifecycle
  readonly streams: ContainerStreams
  readonly terminals: Terminals
  readonly archive: Archive
  readonly volumeArchive: Archive
  readonly images: Images
  readonly imageStreams: ImageStreams
  readonly volumes: Volumes
  readonly networks: Networks

  constructor(dial: Dial) {
    this.http = new EngineHttp(dial)
    this.system = new System(this.http)
    this.slipway = new Slipway(this.http)
    this.containers = new Containers(this.http)
    this.lifecycle = new Lifecycle(this.http)
    this.streams = new ContainerStreams(this.http, this.containers)
    this.terminals = new Terminals(this.http)
    this.archive = new Archive(this.http, (id) => containerPath(id, '/archive'))
    this.volumeArchive = new Archive(
      this.http,
      (name) => `/slipway/volumes/${encodeURIComponent(name)}/archive`,
    )
    this.images = new Images(this.http)
    this.imageStreams = new ImageStreams(this.http)
    this.volumes = new Volumes(this.http)
    this.networks = new Networks(this.http)
  }

  [Symbol.dispose](): void {
    this.http[Symbol.dispose]()
  }
}

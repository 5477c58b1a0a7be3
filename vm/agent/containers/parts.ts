/** What the container verbs work with; put together once in main.ts. */
import type { EventBus } from '../events.ts'
import type { BindSources } from '../folders/bind-sources.ts'
import type { ImageService } from '../images/images.ts'
import type { Kernel } from '../linux/kernel.ts'
import type { NetworkService } from '../network/network.ts'
import type { ResourceSupport } from '../runtime/resources.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Snapshotter } from '../snapshots/snapshotter.ts'
import type { VolumeService } from '../volumes/volumes.ts'
import type { Container } from './container.ts'
import type { NetworkNamespaces } from './network-namespaces.ts'
import type { RootMounts } from './root-mounts.ts'
import type { ContainerStore } from './store.ts'
import type { ContainerTable } from './table.ts'

/** Facts of the machine that do not change while the agent runs. */
export interface MachineFacts {
  arch: 'amd64' | 'arm64'
  hostname: string
  bootId: string
  cpus: number
  support: ResourceSupport
  /** docker-init (tini, catatonit) in the machine, for `--init`. */
  initPath: string | undefined
}

export interface Parts {
  store: ContainerStore
  table: ContainerTable
  roots: RootMounts
  runtime: Runtime
  images: ImageService
  snapshots: Snapshotter
  networks: NetworkService
  namespaces: NetworkNamespaces
  volumes: VolumeService
  folders: BindSources
  kernel: Kernel
  events: EventBus
  facts: MachineFacts
  /** Run state that dies with the VM: bundles. */
  runDir: string
  /** Where the engine listens. */
  socket: string
  log(message: string): void
}

/** Publishes what happened to a container, with its image, name and labels as Docker does. */
export function emit(
  parts: Pick<Parts, 'events'>,
  container: Container,
  action: string,
  attributes: Record<string, string> = {},
): void {
  const { config, id, name } = container.record
  parts.events.publish('container', action, id, {
    ...config.Labels,
    image: config.Image ?? '',
    name,
    ...attributes,
  })
}

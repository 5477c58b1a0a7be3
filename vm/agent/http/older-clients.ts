/** What the API said in former versions and clients of those days still read (Docker's API version history). Pure. */
import type {
  ContainerCreateRequest,
  ContainerInspect,
  ContainerSummary,
  HostConfig,
  MountSpec,
  Resources,
} from '../../api/containers.ts'
import { EngineError } from '../../api/errors.ts'
import type { ImageInspect } from '../../api/images.ts'
import { BLANK_CONFIG } from '../containers/blank-config.ts'
import { compareVersions } from './version-prefix.ts'

/** Until 1.43 images had their size twice: `docker system df` of Docker 24 and before reckons with the other one. */
export function sizedFor<T extends { Size: number }>(
  version: string,
  image: T,
): T & { VirtualSize?: number } {
  return compareVersions(version, '1.44') < 0 ? { ...image, VirtualSize: image.Size } : image
}

/** Until 1.44 an image told of the container that it was made from, which had long been empty. */
export function imageFor(version: string, image: ImageInspect): object {
  if (compareVersions(version, '1.45') >= 0) return image
  return { ...sizedFor(version, image), Container: '', ContainerConfig: NO_CONTAINER }
}

const NO_CONTAINER = {
  ...BLANK_CONFIG,
  Env: null,
  Cmd: null,
  Image: '',
  Volumes: null,
  WorkingDir: '',
  Entrypoint: null,
  OnBuild: null,
  Labels: null,
}

const PREDEFINED = ['default', 'bridge', 'host', 'none']

/** Until 1.44 the short id stood among the aliases on networks of the user's own; DNSNames have it since. */
export function containerFor(version: string, container: ContainerInspect): ContainerInspect {
  if (compareVersions(version, '1.45') >= 0) return container
  const networks = Object.entries(container.NetworkSettings.Networks ?? {}).map(([name, endpoint]) => {
    if (PREDEFINED.includes(name)) return [name, endpoint]
    const names = [...(endpoint.Aliases ?? []), container.Id.slice(0, 12), container.Config.Hostname ?? '']
    return [name, { ...endpoint, Aliases: [...new Set(names.filter((text) => text !== ''))] }]
  })
  return {
    ...container,
    NetworkSettings: { ...container.NetworkSettings, Networks: Object.fromEntries(networks) },
  }
}

/** Annotations are in lists since 1.46. */
export function summaryFor(version: string, container: ContainerSummary): ContainerSummary {
  if (compareVersions(version, '1.46') >= 0 || !container.HostConfig) return container
  const { Annotations: _, ...rest } = container.HostConfig
  return { ...container, HostConfig: rest }
}

/** A limit of zero or less is none; before 1.40 an update knew nothing of processes. */
export function updateFor<T extends Resources>(version: string, change: T): T {
  const { PidsLimit, ...rest } = change
  if (PidsLimit === undefined || PidsLimit === null) return change
  if (compareVersions(version, '1.40') < 0) return rest as T
  return { ...change, PidsLimit: Math.max(PidsLimit, 0) }
}

/** What a client of those days meant: members that it cannot know are left out, or refused where that could hurt. */
export function createFor(version: string, request: ContainerCreateRequest): ContainerCreateRequest {
  const before = (other: string) => compareVersions(version, other) < 0
  const endpoints = request.NetworkingConfig?.EndpointsConfig ?? {}
  const names = Object.keys(endpoints)
  if (before('1.44') && names.length > 1) {
    throw refused(`Container cannot be created with multiple network endpoints: ${names.join(', ')}`)
  }
  const result: ContainerCreateRequest = { ...request, HostConfig: hostFor(before, request.HostConfig ?? {}) }
  if (before('1.44') && request.Healthcheck) {
    const { StartInterval: _, ...check } = request.Healthcheck
    result.Healthcheck = check
  }
  if (before('1.48') && names.length > 0) {
    const entries = Object.entries(endpoints).map(([name, settings]) => {
      const { GwPriority: _, ...one } = settings ?? {}
      return [name, one]
    })
    result.NetworkingConfig = { EndpointsConfig: Object.fromEntries(entries) }
  }
  return result
}

function hostFor(before: (version: string) => boolean, host: HostConfig): HostConfig {
  const result = { ...host }
  if (before('1.25')) result.AutoRemove = false
  if (before('1.40') && !host.IpcMode) result.IpcMode = 'shareable'
  if (before('1.42')) result.ConsoleSize = [0, 0]
  if (before('1.43')) delete result.Annotations
  if ((host.PidsLimit ?? 1) <= 0) delete result.PidsLimit
  if (host.Mounts) result.Mounts = host.Mounts.map((mount) => mountFor(before, mount))
  return result
}

function mountFor(before: (version: string) => boolean, mount: MountSpec): MountSpec {
  const { BindOptions, VolumeOptions, TmpfsOptions, ...rest } = mount
  if (before('1.44') && mount.Type === 'bind' && BindOptions?.ReadOnlyForceRecursive) {
    throw refused('BindOptions.ReadOnlyForceRecursive needs API v1.44 or newer')
  }
  if (before('1.45') && VolumeOptions?.Subpath) {
    throw refused('VolumeOptions.Subpath needs API v1.45 or newer')
  }
  if (before('1.48') && mount.Type === 'image') {
    throw refused('Mount type "Image" needs API v1.48 or newer')
  }
  if (!before('1.42')) return mount
  const result: MountSpec = rest
  if (BindOptions) {
    const { CreateMountpoint: _, NonRecursive, ...bind } = BindOptions
    result.BindOptions = { ...bind, ...(before('1.40') || !NonRecursive ? {} : { NonRecursive }) }
  }
  // Nobody looked whether they go with the type.
  if (VolumeOptions && mount.Type === 'volume') result.VolumeOptions = VolumeOptions
  if (TmpfsOptions && mount.Type === 'tmpfs') result.TmpfsOptions = TmpfsOptions
  return result
}

function refused(message: string): EngineError {
  return new EngineError('invalid_argument', message)
}

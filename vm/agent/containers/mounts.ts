/**
 * From what a user asked (Binds, Mounts, Tmpfs, VolumesFrom, an image's Volumes) to the list of mounts of a container.
 * Order of precedence as in dockerd: volumes-from, binds, mounts, tmpfs, then anonymous volumes where nothing is.
 */
import { posix } from 'node:path'
import type { ContainerConfig, HostConfig, MountSpec } from '../../api/containers.ts'
import { EngineError } from '../../api/errors.ts'
import type { BindSources } from '../folders/bind-sources.ts'
import type { ImageService } from '../images/images.ts'
import type { VolumeService } from '../volumes/volumes.ts'
import { cleanSource, parseBind } from './bind-spec.ts'
import type { Container } from './container.ts'
import type { ContainerMount } from './record.ts'

const TEMPLATE: Omit<ContainerMount, 'Type' | 'Source' | 'Destination'> = {
  Mode: '',
  RW: true,
  Propagation: '',
  anonymous: false,
  copyUp: false,
  options: [],
  createSource: false,
}

export interface MountRequest {
  config: ContainerConfig
  host: HostConfig
  volumes: VolumeService
  images: Pick<ImageService, 'resolve'>
  folders: BindSources
  find(reference: string): Container
}

/** Resolves everything; volumes that do not exist are made. */
export async function resolveMounts(request: MountRequest): Promise<ContainerMount[]> {
  const { config, host, volumes, folders } = request
  const byDestination = new Map<string, ContainerMount>()
  for (const mount of fromContainers(request)) byDestination.set(mount.Destination, mount)
  const explicit = new Set<string>()
  const add = (mount: ContainerMount) => {
    if (explicit.has(mount.Destination)) {
      throw new EngineError('invalid_argument', `Duplicate mount point: ${mount.Destination}`)
    }
    explicit.add(mount.Destination)
    byDestination.set(mount.Destination, mount)
  }
  const binds = (host.Binds ?? []).map((spec) => parseBind(spec, (source) => folders.isPath(source)))
  const driver = host.VolumeDriver ? { driver: host.VolumeDriver } : {}
  for (const bind of binds) add(await fromBind(bind, request, driver))
  for (const spec of host.Mounts ?? []) add(await fromSpec(spec, request))
  for (const [path, options] of Object.entries(host.Tmpfs ?? {})) {
    add(
      tmpfs(
        tmpfsTarget(path),
        options.split(',').filter((word) => word !== ''),
      ),
    )
  }
  for (const path of Object.keys(config.Volumes ?? {})) {
    const destination = cleaned(posix.join('/', path))
    if (destination === '/' || byDestination.has(destination)) continue
    byDestination.set(
      destination,
      await volumeMount(volumes, '', destination, { anonymous: true, copyUp: true, ...driver }),
    )
  }
  return [...byDestination.values()].sort((a, b) => depth(a) - depth(b))
}

function cleaned(path: string): string {
  return posix.normalize(path).replace(/(.)\/$/, '$1')
}

function tmpfsTarget(path: string): string {
  if (!path.startsWith('/')) {
    throw new EngineError('invalid_argument', `invalid mount path: '${path}' mount path must be absolute`)
  }
  const target = cleaned(path)
  if (target === '/') {
    throw new EngineError('invalid_argument', "invalid specification: destination can't be '/'")
  }
  return target
}

function depth(mount: ContainerMount): number {
  return mount.Destination.split('/').length
}

function fromContainers({ host, find }: MountRequest): ContainerMount[] {
  return (host.VolumesFrom ?? []).flatMap((spec) => {
    if (spec === '') {
      throw new EngineError('invalid_argument', 'volumes-from specification cannot be an empty string')
    }
    const [reference = '', mode = ''] = spec.split(':')
    if (!/^(?:|ro|rw|z|Z)$/.test(mode)) throw new EngineError('invalid_argument', `invalid mode: ${mode}`)
    return find(reference)
      .record.mounts.filter((mount) => mount.Type !== 'tmpfs')
      .map((mount) => ({
        ...mount,
        anonymous: false,
        RW: mount.RW && mode !== 'ro',
        Mode: mode || mount.Mode,
      }))
  })
}

async function fromBind(
  bind: ReturnType<typeof parseBind>,
  { volumes, folders }: Pick<MountRequest, 'volumes' | 'folders'>,
  driver: { driver?: string },
): Promise<ContainerMount> {
  if (!folders.isPath(bind.source)) {
    const mount = await volumeMount(volumes, bind.source, bind.destination, {
      anonymous: bind.source === '',
      copyUp: !bind.noCopy,
      ...driver,
    })
    return { ...mount, RW: !bind.readOnly, Mode: bind.mode || 'z' }
  }
  await folders.check(bind.source)
  return {
    ...TEMPLATE,
    Type: 'bind',
    Source: bind.source,
    Destination: bind.destination,
    Mode: bind.mode,
    RW: !bind.readOnly,
    Propagation: bind.propagation || 'rprivate',
    createSource: true,
  }
}

async function fromSpec(
  spec: MountSpec,
  { volumes, images, folders }: Pick<MountRequest, 'volumes' | 'images' | 'folders'>,
): Promise<ContainerMount> {
  const type = spec.Type ?? ''
  const fail = (message: string) =>
    new EngineError('invalid_argument', `invalid mount config for type "${type}": ${message}`)
  if (!spec.Target) throw fail('field Target must not be empty')
  if (!spec.Target.startsWith('/'))
    throw fail(`invalid mount path: '${spec.Target}' mount path must be absolute`)
  const destination = cleaned(spec.Target)
  if (destination === '/') throw fail("invalid specification: destination can't be '/'")
  checkForeignOptions(spec, type)
  const readOnly = { RW: !spec.ReadOnly, Mode: '' }
  switch (spec.Type) {
    case 'bind':
      return { ...(await bindMount(spec, destination, folders, fail)), ...readOnly }
    case 'volume': {
      const options = spec.VolumeOptions
      if (!spec.Source && spec.ReadOnly) throw fail('must not set ReadOnly mode when using anonymous volumes')
      if (!spec.Source && options?.Subpath) throw fail('must not set Subpath when using anonymous volumes')
      const mount = await volumeMount(volumes, spec.Source ?? '', destination, {
        anonymous: !spec.Source,
        copyUp: !options?.NoCopy,
        ...(options?.Labels ? { labels: options.Labels } : {}),
        ...(options?.DriverConfig?.Name ? { driver: options.DriverConfig.Name } : {}),
        ...(options?.DriverConfig?.Options ? { driverOptions: options.DriverConfig.Options } : {}),
      })
      return {
        ...mount,
        ...readOnly,
        Mode: 'z',
        ...(options?.Subpath ? { subpath: checkSubpath(options.Subpath, fail) } : {}),
      }
    }
    case 'image': {
      if (!spec.Source) throw fail('field Source must not be empty')
      const { id } = await images.resolve(spec.Source)
      const subpath = spec.ImageOptions?.Subpath
      return {
        ...TEMPLATE,
        Type: 'image',
        Name: spec.Source,
        Source: id,
        Destination: destination,
        RW: false,
        image: id,
        ...(subpath ? { subpath: checkSubpath(subpath, fail) } : {}),
      }
    }
    case 'tmpfs': {
      if (spec.Source) throw fail('field Source must not be specified')
      const size = spec.TmpfsOptions?.SizeBytes
      const mode = spec.TmpfsOptions?.Mode
      const pairs = spec.TmpfsOptions?.Options ?? []
      const odd = pairs.find(([key = '']) => !TMPFS_OPTIONS.includes(key))
      if (odd) throw fail(`invalid option: ${odd[0] ?? ''}`)
      const extra = pairs.map((pair) => pair.join('='))
      return {
        ...tmpfs(destination, [
          ...(size ? [`size=${size}`] : []),
          ...(mode ? [`mode=${mode.toString(8)}`] : []),
          ...extra,
        ]),
        ...readOnly,
      }
    }
    default:
      throw new EngineError('invalid_argument', `invalid mount config for type "${type}": mount type unknown`)
  }
}

const PROPAGATIONS = ['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave']
const TMPFS_OPTIONS = ['exec', 'noexec', 'size', 'mode', 'uid', 'gid', 'nr_inodes', 'nr_blocks', 'mpol']
const OPTIONS_OF = {
  bind: 'BindOptions',
  volume: 'VolumeOptions',
  tmpfs: 'TmpfsOptions',
  image: 'ImageOptions',
} as const

/** Options of another type are a mistake that would otherwise go unseen. */
function checkForeignOptions(spec: MountSpec, type: string): void {
  for (const [owner, field] of Object.entries(OPTIONS_OF)) {
    if (owner === type || spec[field] === undefined) continue
    throw new EngineError('invalid_argument', `${field} must not be specified on mount type "${type}"`)
  }
}

async function bindMount(
  spec: MountSpec,
  destination: string,
  folders: BindSources,
  fail: (message: string) => EngineError,
): Promise<ContainerMount> {
  const source = spec.Source ?? ''
  if (source === '') throw fail('field Source must not be empty')
  if (!folders.isPath(source)) throw fail(`invalid mount path: '${source}' mount path must be absolute`)
  const propagation = spec.BindOptions?.Propagation || 'rprivate'
  if (!PROPAGATIONS.includes(propagation)) throw fail(`invalid propagation mode: ${propagation}`)
  const create = spec.BindOptions?.CreateMountpoint ?? false
  if (create) await folders.check(source)
  else if (!(await folders.locate(source)).exists) throw fail(`bind source path does not exist: ${source}`)
  return {
    ...TEMPLATE,
    Type: 'bind',
    Source: cleanSource(source),
    Destination: destination,
    Propagation: propagation,
    options: spec.BindOptions?.NonRecursive ? ['bind'] : [],
    createSource: create,
  }
}

function checkSubpath(path: string, fail: (message: string) => EngineError): string {
  if (path.startsWith('/') || posix.normalize(path).startsWith('..')) {
    throw fail('subpath must be a relative path within the volume')
  }
  return posix.normalize(path)
}

function tmpfs(destination: string, options: string[]): ContainerMount {
  return { ...TEMPLATE, Type: 'tmpfs', Source: '', Destination: destination, options }
}

interface VolumeWish {
  anonymous: boolean
  copyUp: boolean
  labels?: Record<string, string>
  driver?: string
  driverOptions?: Record<string, string>
}

async function volumeMount(
  volumes: VolumeService,
  name: string,
  destination: string,
  wish: VolumeWish,
): Promise<ContainerMount> {
  const volume = await volumes.create({
    ...(name ? { Name: name } : {}),
    ...(wish.driver ? { Driver: wish.driver } : {}),
    ...(wish.driverOptions ? { DriverOpts: wish.driverOptions } : {}),
    ...(wish.labels ? { Labels: wish.labels } : {}),
  })
  return {
    ...TEMPLATE,
    Type: 'volume',
    Name: volume.Name,
    Source: volume.Mountpoint,
    Destination: destination,
    Driver: 'local',
    anonymous: wish.anonymous,
    copyUp: wish.copyUp,
  }
}

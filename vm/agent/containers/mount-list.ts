/** A container's mounts made ready for a start: volumes acquired, sources made, copied up; as OCI mounts. */
import { createHash } from 'node:crypto'
import { mkdir, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Disposal } from '../../api/disposal.ts'
import { EngineError } from '../../api/errors.ts'
import { bindMount, tmpfsMount } from '../runtime/mounts.ts'
import type { OciMount } from '../runtime/oci.ts'
import type { Container } from './container.ts'
import { etcPaths } from './etc-files.ts'
import type { Parts } from './parts.ts'
import type { ContainerMount } from './record.ts'
import { subpathOf } from './safe-path.ts'

/** What is undone on failure goes onto `undo`; on success releaseMounts() undoes it at the exit. */
export async function prepareMounts(
  parts: Parts,
  container: Container,
  root: string,
  undo: Disposal,
): Promise<OciMount[]> {
  const { record } = container
  const list: OciMount[] = []
  for (const mount of record.mounts) {
    if (mount.Type === 'tmpfs') {
      if (!(mount.Destination in (record.hostConfig.Tmpfs ?? {}))) {
        const access = mount.RW ? [] : ['ro']
        list.push(tmpfsMount(mount.Destination, [...mount.options, ...access].join(',')))
      }
      continue
    }
    list.push(await prepareBind(parts, container.id, root, mount, undo))
  }
  const own = new Set(list.map((mount) => mount.destination))
  const paths = etcPaths(parts.store.directory(record.id))
  for (const [source, destination] of [
    [paths.resolvConf, '/etc/resolv.conf'],
    [paths.hostname, '/etc/hostname'],
    [paths.hosts, '/etc/hosts'],
  ] as const) {
    if (!own.has(destination)) {
      list.push(bindMount(source, destination, { readonly: record.hostConfig.ReadonlyRootfs === true }))
    }
  }
  return list
}

async function prepareBind(
  parts: Parts,
  id: string,
  root: string,
  mount: ContainerMount,
  undo: Disposal,
): Promise<OciMount> {
  const options = {
    readonly: !mount.RW,
    propagation: mount.Propagation || 'rprivate',
    nonRecursive: mount.options.includes('bind'),
  }
  if (mount.Type === 'bind') {
    return bindMount(await sourceOf(parts, mount), mount.Destination, options)
  }
  if (mount.Type === 'image') return prepareImage(parts, id, mount, undo, options)
  const name = mount.Name ?? ''
  const data = await parts.volumes.acquire(name, id, {
    destination: mount.Destination,
    propagation: mount.Propagation,
    writable: mount.RW,
  })
  undo.push(() => parts.volumes.release(name, id))
  const source = mount.subpath === undefined ? data : await subpathOf(data, mount.subpath)
  if (mount.copyUp) {
    const { copyUp } = await import('./copy-up.ts')
    await copyUp(parts.kernel, root, mount.Destination, source)
  }
  return bindMount(source, mount.Destination, options)
}

/** The image's files, read-only: an overlay of its layers beside the bundle. */
async function prepareImage(
  parts: Parts,
  id: string,
  mount: ContainerMount,
  undo: Disposal,
  options: { propagation: string },
): Promise<OciMount> {
  const image = await parts.images.resolve(mount.image ?? '')
  const target = imageTarget(parts, id, mount)
  await mkdir(target, { recursive: true, mode: 0o755 })
  undo.push(() => releaseImage(parts, id, mount))
  const { snapshot } = image
  const layers = snapshot ? await parts.snapshots.mounts(snapshot, target, { readonly: true }) : []
  for (const layer of layers) parts.kernel.mount(layer)
  const source = mount.subpath === undefined ? target : await subpathOf(target, mount.subpath)
  return bindMount(source, mount.Destination, { ...options, readonly: true })
}

function imageTarget(parts: Pick<Parts, 'runDir'>, id: string, { Destination }: ContainerMount): string {
  return join(parts.runDir, id, `image-${createHash('sha1').update(Destination).digest('hex')}`)
}

async function releaseImage(parts: Parts, id: string, mount: ContainerMount): Promise<void> {
  const target = imageTarget(parts, id, mount)
  parts.kernel.unmount(target, { lazy: true })
  await rmdir(target).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
}

/** The path that is bound; a missing one is made where it belongs, or refused by the path that was typed. */
async function sourceOf(parts: Parts, { Source: typed, createSource }: ContainerMount): Promise<string> {
  const { path, exists } = await parts.folders.locate(typed)
  if (exists) return path
  if (!createSource) {
    throw new EngineError(
      'invalid_argument',
      `invalid mount config for type "bind": bind source path does not exist: ${typed}`,
    )
  }
  try {
    await mkdir(path, { recursive: true, mode: 0o755 })
  } catch (cause) {
    throw new EngineError(
      'invalid_argument',
      `error while creating mount source path '${typed}': mkdir ${typed}: ${reasonOf(cause as NodeJS.ErrnoException)}`,
      { cause },
    )
  }
  return path
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'EROFS') return 'read-only file system'
  return code === 'EACCES' || code === 'EPERM' ? 'permission denied' : message
}

export async function releaseMounts(parts: Parts, container: Container): Promise<void> {
  for (const mount of container.record.mounts) {
    if (mount.Type === 'volume' && mount.Name) await parts.volumes.release(mount.Name, container.id)
    if (mount.image) await releaseImage(parts, container.id, mount)
  }
}

/** A container's filesystem: copy in and out, changes, export, commit. Heavy parts are loaded at first use. */
import { lstat, readlink } from 'node:fs/promises'
import { posix } from 'node:path'
import type { Readable } from 'node:stream'
import type { Change, ContainerConfig } from '../../api/containers.ts'
import { EngineError, messageOf } from '../../api/errors.ts'
import type { ContainerFile } from '../../api/slipway.ts'
import { listFolder, removeInside } from './browse.ts'
import type { Container } from './container.ts'
import { type PathStat, pathStat } from './file-stat.ts'
import { mergeConfig } from './merge.ts'
import { emit, type Parts } from './parts.ts'
import { type Locate, type Resolved, resolveInside } from './safe-path.ts'
import { userOf } from './start.ts'

/** Somebody waits for the answer, who may have asked for something else in the container. */
const FOLDER_WAIT_MS = 5_000

export interface CommitOptions {
  reference: string | undefined
  comment: string
  author: string
  pause: boolean
  changes: string[]
  config: ContainerConfig
  signal: AbortSignal
}

/** Who pauses a container while its files are taken. */
interface Pauses {
  pause(reference: string): Promise<void>
  unpause(reference: string): Promise<void>
}

export class Files {
  readonly #parts: Parts
  readonly #pauses: Pauses

  constructor(parts: Parts, pauses: Pauses) {
    this.#parts = parts
    this.#pauses = pauses
  }

  stat(reference: string, path: string): Promise<PathStat> {
    return this.#with(reference, async (_, locate) => {
      const found = await find(reference, locate, path)
      return this.#statOf(locate, found, path)
    })
  }

  /** The stat at once; the tar keeps the root mounted until it ends. */
  async get(
    reference: string,
    path: string,
    signal: AbortSignal,
  ): Promise<{ stat: PathStat; tar: AsyncIterable<Uint8Array> }> {
    const container = this.#parts.table.get(reference)
    const parts = this.#parts
    await parts.roots.acquire(container.id)
    try {
      const locate = await this.#locate(container)
      const found = await find(reference, locate, path)
      const stat = await this.#statOf(locate, found, path)
      const { packTree } = await import('./tar-pack.ts')
      const name = /(^|\/)\.$/.test(path) ? '.' : posix.basename(posix.normalize(path)) || '/'
      const source = packTree({
        kernel: parts.kernel,
        locate,
        inside: found.inside,
        name,
        signal,
      })
      emit(parts, container, 'archive-path')
      return { stat, tar: releasing(source, () => parts.roots.release(container.id)) }
    } catch (error) {
      await parts.roots.release(container.id)
      throw error
    }
  }

  put(
    reference: string,
    path: string,
    body: Readable,
    options: { noOverwriteDirNonDir: boolean; copyUidGid: boolean; signal: AbortSignal },
  ): Promise<void> {
    return this.#with(reference, async (container, locate) => {
      const found = await find(reference, locate, path, true)
      if (!(await lstat(found.path)).isDirectory()) {
        throw new EngineError('invalid_argument', 'extraction point is not a directory')
      }
      this.#checkWritable(container, found.inside)
      const user = container.record.config.User ?? ''
      const owner =
        options.copyUidGid && user !== ''
          ? await userOf(this.#parts.roots.path(container.id), user)
          : undefined
      const { extractTree } = await import('./tar-extract.ts')
      await extractTree(body, {
        kernel: this.#parts.kernel,
        locate,
        inside: found.inside,
        keepKinds: options.noOverwriteDirNonDir,
        owner,
        signal: options.signal,
      })
      emit(this.#parts, container, 'extract-to-dir')
    })
  }

  /** A folder's entries; links in the path are followed, those in the folder are not. */
  list(reference: string, path: string): Promise<ContainerFile[]> {
    return this.#with(reference, async (_, locate) =>
      listFolder(locate, await find(reference, locate, path, true)),
    )
  }

  remove(reference: string, path: string): Promise<void> {
    return this.#with(reference, async (container, locate) => {
      const found = await find(reference, locate, path)
      this.#checkWritable(container, found.inside)
      await removeInside(found)
    })
  }

  async changes(reference: string): Promise<Change[] | null> {
    const container = this.#parts.table.get(reference)
    const [upper = '', ...lower] = await this.#parts.snapshots.layerDirs(container.id)
    const { listChanges } = await import('./changes.ts')
    const mounts = container.record.mounts.map((mount) => mount.Destination)
    const changes = await listChanges({ kernel: this.#parts.kernel, upper, lower, mounts })
    return changes.length > 0 ? changes : null
  }

  /** The whole root without its mounts. */
  async export(reference: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const container = this.#parts.table.get(reference)
    const { roots, kernel } = this.#parts
    const root = await roots.acquire(container.id)
    const { packTree } = await import('./tar-pack.ts')
    const locate: Locate = (inside) => posix.join(root, inside)
    emit(this.#parts, container, 'export')
    return releasing(packTree({ kernel, locate, inside: '/', name: '', signal }), () =>
      roots.release(container.id),
    )
  }

  async commit(reference: string, options: CommitOptions): Promise<string> {
    const container = this.#parts.table.get(reference)
    const { status } = container.state.life
    if (status === 'removing' || status === 'dead') {
      throw new EngineError('conflict', `you cannot commit container ${container.id} which is Dead`)
    }
    const paused = options.pause && status === 'running' && (await this.#pause(container))
    try {
      const parent = await this.#parts.images.resolve(container.record.image)
      const { applyChanges } = await import('../images/changes.ts')
      const base = mergeConfig(options.config, { ...container.record.config, Hostname: '' })
      const id = await this.#parts.images.commit({
        snapshot: container.id,
        parent,
        config: applyChanges(base, options.changes),
        comment: options.comment,
        author: options.author,
        createdBy: (container.record.config.Cmd ?? []).join(' '),
        ...(options.reference ? { reference: options.reference } : {}),
        signal: options.signal,
      })
      emit(this.#parts, container, 'commit', {
        comment: options.comment,
        imageID: id,
        imageRef: (options.reference ?? '').replace(/^docker\.io\/(library\/)?/, ''),
      })
      return id
    } finally {
      if (paused) await this.#unpause(container)
    }
  }

  /** As dockerd does it: events included, and one that has just ended is taken as it is. */
  async #pause(container: Container): Promise<boolean> {
    try {
      await this.#pauses.pause(container.id)
      return true
    } catch (error) {
      this.#parts.log(`container ${container.id} is committed as it is, not paused: ${messageOf(error)}`)
      return false
    }
  }

  /** Whoever killed it or let it go on meanwhile has done the work. */
  async #unpause(container: Container): Promise<void> {
    try {
      await this.#pauses.unpause(container.id)
    } catch (error) {
      if (container.state.life.status === 'paused') throw error
    }
  }

  async #with<T>(reference: string, work: (container: Container, locate: Locate) => Promise<T>): Promise<T> {
    const container = this.#parts.table.get(reference)
    await this.#parts.roots.acquire(container.id)
    try {
      return await work(container, await this.#locate(container))
    } finally {
      await this.#parts.roots.release(container.id)
    }
  }

  /** The container's view: its root, and its volumes and binds where they are mounted. */
  async #locate(container: Container): Promise<Locate> {
    const root = this.#parts.roots.path(container.id)
    const sources = await this.#bindSources(container)
    const mounts = container.record.mounts
      .filter((mount) => mount.Type !== 'tmpfs')
      .sort((a, b) => b.Destination.length - a.Destination.length)
    return (inside) => {
      const mount = mounts.find(
        ({ Destination }) => inside === Destination || inside.startsWith(`${Destination}/`),
      )
      if (!mount) return posix.join(root, inside)
      const source = sources.get(mount.Destination) ?? mount.Source
      if (source instanceof Error) throw source
      return posix.join(source, mount.subpath ?? '', inside.slice(mount.Destination.length))
    }
  }

  /** Where its binds lead, by destination. One that cannot be reached is in the way of nothing but what is asked of it. */
  async #bindSources(container: Container): Promise<Map<string, string | Error>> {
    const binds = container.record.mounts.filter((mount) => mount.Type === 'bind')
    const found = await Promise.all(
      binds.map(async ({ Source, Destination }) => {
        const place = this.#parts.folders.locate(Source, { wait: FOLDER_WAIT_MS })
        const path = await place.then(
          ({ path }) => path,
          (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
        )
        return [Destination, path] as const
      }),
    )
    return new Map(found)
  }

  async #statOf(locate: Locate, found: Resolved, path: string): Promise<PathStat> {
    const info = await lstat(found.path)
    const target = info.isSymbolicLink() ? await readlink(found.path) : ''
    const resolved = target === '' ? '' : (await resolveInside(locate, found.inside, { follow: true })).inside
    return pathStat(posix.basename(posix.normalize(path)) || '/', info, resolved)
  }

  #checkWritable(container: Container, inside: string): void {
    const mount = container.record.mounts.find(
      ({ Destination }) => inside === Destination || inside.startsWith(`${Destination}/`),
    )
    if (mount ? !mount.RW : container.record.hostConfig.ReadonlyRootfs) {
      const what = mount ? 'volume' : 'rootfs'
      throw new EngineError('permission_denied', `container ${what} is marked read-only`)
    }
  }
}

/** A missing file is told with the container's name as it was asked for. */
async function find(reference: string, locate: Locate, path: string, follow = false): Promise<Resolved> {
  if (path === '') throw new EngineError('invalid_argument', 'bad parameter: path cannot be empty')
  const intoDirectory = follow || /\/\.?$/.test(path)
  const found = await resolveInside(locate, path, { follow: intoDirectory })
  if (!found.exists) {
    throw new EngineError('not_found', `Could not find the file ${path} in container ${reference}`)
  }
  return found
}

/** `source`, and `release` when it has ended or was left. */
export async function* releasing(
  source: AsyncIterable<Uint8Array>,
  release: () => Promise<void>,
): AsyncIterable<Uint8Array> {
  try {
    yield* source
  } finally {
    await release()
  }
}

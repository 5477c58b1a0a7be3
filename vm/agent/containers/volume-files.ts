/** The files of a volume, looked at and changed without a container: the archive's verbs with the volume as the root. */
import { randomUUID } from 'node:crypto'
import { lstat } from 'node:fs/promises'
import { posix } from 'node:path'
import type { Readable } from 'node:stream'
import { EngineError } from '../../api/errors.ts'
import type { ContainerFile } from '../../api/slipway.ts'
import type { Kernel } from '../linux/kernel.ts'
import type { VolumeService } from '../volumes/volumes.ts'
import { listFolder, removeInside } from './browse.ts'
import { releasing } from './files.ts'
import { type Locate, type Resolved, resolveInside } from './safe-path.ts'

type Opened = { locate: Locate; release: () => Promise<void> }

export class VolumeFiles {
  readonly #volumes: Pick<VolumeService, 'acquire' | 'release'>
  readonly #kernel: Pick<Kernel, 'mknod' | 'setXattr' | 'getXattr'>

  constructor(
    volumes: Pick<VolumeService, 'acquire' | 'release'>,
    kernel: Pick<Kernel, 'mknod' | 'setXattr' | 'getXattr'>,
  ) {
    this.#volumes = volumes
    this.#kernel = kernel
  }

  /** A folder's entries; links in the path are followed, those in the folder are not. */
  list(name: string, path: string): Promise<ContainerFile[]> {
    return this.#with(name, async (locate) => listFolder(locate, await find(locate, name, path, true)))
  }

  remove(name: string, path: string): Promise<void> {
    return this.#with(name, async (locate) => removeInside(await find(locate, name, path)))
  }

  /** tar of a file or folder. What is wrong with the path is thrown before the first byte. */
  async get(name: string, path: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const { locate, release } = await this.#open(name)
    try {
      const { inside } = await find(locate, name, path)
      const { packTree } = await import('./tar-pack.ts')
      const top = posix.basename(inside) || '.'
      return releasing(packTree({ kernel: this.#kernel, locate, inside, name: top, signal }), release)
    } catch (error) {
      await release()
      throw error
    }
  }

  /** Unpacks a tar into a folder. */
  put(name: string, path: string, body: Readable, signal: AbortSignal): Promise<void> {
    return this.#with(name, async (locate) => {
      const found = await find(locate, name, path, true)
      if (!(await lstat(found.path)).isDirectory())
        throw new EngineError('invalid_argument', 'extraction point is not a directory')
      const { extractTree } = await import('./tar-extract.ts')
      const { inside } = found
      await extractTree(body, {
        kernel: this.#kernel,
        locate,
        inside,
        keepKinds: false,
        owner: undefined,
        signal,
      })
    })
  }

  async #open(name: string): Promise<Opened> {
    const user = `files-${randomUUID()}`
    const root = await this.#volumes.acquire(name, user)
    return {
      locate: (inside) => posix.join(root, inside),
      release: () => this.#volumes.release(name, user),
    }
  }

  async #with<T>(name: string, work: (locate: Locate) => Promise<T>): Promise<T> {
    const { locate, release } = await this.#open(name)
    try {
      return await work(locate)
    } finally {
      await release()
    }
  }
}

async function find(locate: Locate, name: string, path: string, follow = false): Promise<Resolved> {
  const found = await resolveInside(locate, path, { follow })
  if (!found.exists) throw new EngineError('not_found', `Could not find the file ${path} in volume ${name}`)
  return found
}

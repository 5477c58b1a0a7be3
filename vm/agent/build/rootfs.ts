/** Images as directories while a step reads or writes them. */
import { randomUUID } from 'node:crypto'
import { mkdir, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Kernel } from '../linux/kernel.ts'
import type { Snapshotter } from '../snapshots/snapshotter.ts'

export const BUILD_PREFIX = 'build-'
type MountKernel = Pick<Kernel, 'mount' | 'unmount'>

export class RootFilesystems {
  readonly #snapshots: Snapshotter
  readonly #kernel: MountKernel
  readonly #root: string

  constructor(options: { snapshots: Snapshotter; kernel: MountKernel; root: string }) {
    this.#snapshots = options.snapshots
    this.#kernel = options.kernel
    this.#root = options.root
  }

  /** A snapshot, read-only, at a path for the time of `use`. No snapshot: an empty directory. */
  async reading<T>(snapshot: string | undefined, use: (path: string) => Promise<T>): Promise<T> {
    return this.#mounted(snapshot, true, use)
  }

  /** A new writable snapshot on `parent`; answers its key when `use` is done, removes it when that fails. */
  async writing(parent: string | undefined, use: (path: string) => Promise<void>): Promise<string> {
    const key = BUILD_PREFIX + randomUUID()
    await this.#snapshots.prepare(key, parent)
    try {
      await this.#mounted(key, false, use)
      return key
    } catch (error) {
      await this.#snapshots.remove(key)
      throw error
    }
  }

  async #mounted<T>(
    snapshot: string | undefined,
    readonly: boolean,
    use: (path: string) => Promise<T>,
  ): Promise<T> {
    const target = join(this.#root, randomUUID())
    await mkdir(target, { recursive: true, mode: 0o755 })
    try {
      const mounts =
        snapshot === undefined ? [] : await this.#snapshots.mounts(snapshot, target, { readonly })
      for (const mount of mounts) this.#kernel.mount(mount)
      return await use(target)
    } finally {
      this.#kernel.unmount(target)
      await rmdir(target)
    }
  }
}

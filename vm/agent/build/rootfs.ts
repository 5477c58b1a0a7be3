/** Images as directories while a step reads or writes them. */
import { randomUUID } from 'node:crypto'
import { mkdir, readdir, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Kernel } from '../linux/kernel.ts'
import type { Snapshotter } from '../snapshots/snapshotter.ts'

export const BUILD_PREFIX = 'build-'
type MountKernel = Pick<Kernel, 'mount' | 'unmount'>

export interface HeldRoot extends AsyncDisposable {
  path: string
}

export class RootFilesystems {
  readonly #snapshots: Snapshotter
  readonly #kernel: MountKernel
  readonly #root: string

  constructor(options: { snapshots: Snapshotter; kernel: MountKernel; root: string }) {
    this.#snapshots = options.snapshots
    this.#kernel = options.kernel
    this.#root = options.root
  }

  /** Takes away what a killed run has left mounted; before the first use. */
  async recover(): Promise<void> {
    for (const name of await readdir(this.#root).catch(() => [])) {
      const path = join(this.#root, name)
      for (const mounted of [join(path, 'merged'), path]) this.#kernel.unmount(mounted, { lazy: true })
      await rm(path, { recursive: true, force: true })
    }
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

  /** A snapshot, read-only, at a path until it is let go. No snapshot: an empty directory. */
  hold(snapshot: string | undefined): Promise<HeldRoot> {
    return this.#hold(snapshot, true)
  }

  /** A place for writing over `lower` whose content goes with it; `lower` itself stays as it is. */
  async holdWritable(lower: string): Promise<HeldRoot> {
    const folder = join(this.#root, randomUUID())
    const path = join(folder, 'merged')
    for (const name of ['merged', 'upper', 'work']) await mkdir(join(folder, name), { recursive: true })
    const data = `lowerdir=${lower},upperdir=${join(folder, 'upper')},workdir=${join(folder, 'work')}`
    this.#kernel.mount({ type: 'overlay', source: 'overlay', target: path, data })
    return {
      path,
      [Symbol.asyncDispose]: async () => {
        this.#kernel.unmount(path)
        await rm(folder, { recursive: true, force: true })
      },
    }
  }

  async #mounted<T>(
    snapshot: string | undefined,
    readonly: boolean,
    use: (path: string) => Promise<T>,
  ): Promise<T> {
    await using held = await this.#hold(snapshot, readonly)
    return await use(held.path)
  }

  async #hold(snapshot: string | undefined, readonly: boolean): Promise<HeldRoot> {
    const path = join(this.#root, randomUUID())
    await mkdir(path, { recursive: true, mode: 0o755 })
    const release = async () => {
      this.#kernel.unmount(path)
      await rmdir(path)
    }
    try {
      const mounts = snapshot === undefined ? [] : await this.#snapshots.mounts(snapshot, path, { readonly })
      for (const mount of mounts) this.#kernel.mount(mount)
    } catch (error) {
      await release()
      throw error
    }
    return { path, [Symbol.asyncDispose]: release }
  }
}

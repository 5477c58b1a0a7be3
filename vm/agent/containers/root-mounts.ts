import { mkdir, readFile, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Kernel } from '../linux/kernel.ts'
import type { Snapshotter } from '../snapshots/snapshotter.ts'
import { Lock } from './lock.ts'

/**
 * Mounted root filesystems of containers, one mount each however many users (the running task, a copy, an export).
 */
export class RootMounts {
  readonly #users = new Map<string, number>()
  readonly #lock = new Lock()
  readonly #options: { runDir: string; kernel: Pick<Kernel, 'mount' | 'unmount'>; snapshots: Snapshotter }

  constructor(options: {
    runDir: string
    kernel: Pick<Kernel, 'mount' | 'unmount'>
    snapshots: Snapshotter
  }) {
    this.#options = options
  }

  path(id: string): string {
    return join(this.#options.runDir, id, 'rootfs')
  }

  /** Mounts unless it is; pairs with `release`. */
  acquire(id: string): Promise<string> {
    return this.#lock.run(async () => {
      const users = this.#users.get(id) ?? 0
      const target = this.path(id)
      if (users === 0) {
        await mkdir(target, { recursive: true, mode: 0o700 })
        for (const mount of await this.#options.snapshots.mounts(id, target))
          this.#options.kernel.mount(mount)
      }
      this.#users.set(id, users + 1)
      return target
    })
  }

  /** Takes over the mount that a former agent made for a container that still runs. */
  async adopt(id: string): Promise<void> {
    const mounted = (await readFile('/proc/self/mountinfo', 'utf8')).includes(` ${this.path(id)} `)
    if (mounted) this.#users.set(id, (this.#users.get(id) ?? 0) + 1)
    else await this.acquire(id)
  }

  release(id: string): Promise<void> {
    return this.#lock.run(async () => {
      const users = (this.#users.get(id) ?? 1) - 1
      if (users > 0) {
        this.#users.set(id, users)
        return
      }
      this.#users.delete(id)
      await this.clear(id)
    })
  }

  /** Unmounts whatever is left at the container's place. */
  async clear(id: string): Promise<void> {
    this.#options.kernel.unmount(this.path(id), { lazy: true })
    await rmdir(this.path(id)).catch(ignoreMissing)
  }
}

function ignoreMissing(error: unknown): void {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return
  throw error
}

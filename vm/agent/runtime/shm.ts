/** /dev/shm of an IPC namespace that containers share: a tmpfs of the machine that each of them binds. */
import { mkdir, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Kernel, MountFlag } from '../linux/kernel.ts'

const NOSUID_NODEV_NOEXEC = MountFlag.NOSUID | MountFlag.NODEV | MountFlag.NOEXEC
const DEFAULT_SIZE = 64 * 1024 * 1024

/** Where the shared /dev/shm of the container with that bundle is: `SpecFacts.shmPath` of it and of those that join it. */
export function sharedShmPath(bundle: string): string {
  return join(bundle, 'shm')
}

/** Mounts it (`--ipc shareable`), `size` in bytes. The owner unmounts `sharedShmPath` when the container has stopped. */
export async function mountSharedShm(kernel: Kernel, bundle: string, size = DEFAULT_SIZE): Promise<string> {
  const target = sharedShmPath(bundle)
  await mkdir(target, { recursive: true })
  kernel.mount({
    type: 'tmpfs',
    source: 'shm',
    target,
    flags: NOSUID_NODEV_NOEXEC,
    data: `mode=1777,size=${size}`,
  })
  return target
}

/** Lets go of it; those that still have it bound keep it. Not mounted is fine. */
export async function unmountSharedShm(kernel: Pick<Kernel, 'unmount'>, bundle: string): Promise<void> {
  const target = sharedShmPath(bundle)
  kernel.unmount(target, { lazy: true })
  await rmdir(target).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
}

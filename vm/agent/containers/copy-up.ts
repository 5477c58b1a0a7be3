import { chmod, copyFile, lchown, lstat, lutimes, mkdir, readdir, readlink, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Kernel } from '../linux/kernel.ts'
import { resolveInside } from './safe-path.ts'

type CopyKernel = Pick<Kernel, 'mknod' | 'listXattrs' | 'getXattr' | 'setXattr'>

/**
 * Fills an empty volume with what the image has at the mount's place, owners, modes, times and links kept. A volume
 * that has content, and a place that is not a directory, are left alone.
 */
export async function copyUp(
  kernel: CopyKernel,
  root: string,
  destination: string,
  volume: string,
): Promise<void> {
  const { path, exists } = await resolveInside(root, destination, { follow: true })
  if (!exists || !(await lstat(path)).isDirectory()) return
  if ((await readdir(volume)).length > 0) return
  await copyMeta(kernel, path, volume)
  await copyChildren(kernel, path, volume)
  await copyTimes(path, volume)
}

async function copyChildren(kernel: CopyKernel, from: string, to: string): Promise<void> {
  for (const name of await readdir(from)) await copyOne(kernel, join(from, name), join(to, name))
}

async function copyOne(kernel: CopyKernel, from: string, to: string): Promise<void> {
  const info = await lstat(from)
  if (info.isSymbolicLink()) {
    await symlink(await readlink(from), to)
    await lchown(to, info.uid, info.gid)
    return
  }
  if (info.isDirectory()) {
    await mkdir(to)
    await copyChildren(kernel, from, to)
  } else if (info.isFile()) await copyFile(from, to)
  else kernel.mknod(to, info.mode, Math.floor(info.rdev / 256), info.rdev % 256)
  await copyMeta(kernel, from, to)
  await copyTimes(from, to)
}

/** Owner before mode: chown clears set-id bits. */
async function copyMeta(kernel: CopyKernel, from: string, to: string): Promise<void> {
  const info = await lstat(from)
  await lchown(to, info.uid, info.gid)
  await chmod(to, info.mode & 0o7777)
  for (const name of kernel.listXattrs(from)) {
    if (name.startsWith('trusted.overlay.')) continue
    const value = kernel.getXattr(from, name)
    if (value) kernel.setXattr(to, name, value)
  }
}

async function copyTimes(from: string, to: string): Promise<void> {
  const info = await lstat(from)
  await lutimes(to, info.atimeMs / 1000, info.mtimeMs / 1000)
}

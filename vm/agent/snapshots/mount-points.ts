/** Places in a container's own layer that are there only to be mounted on: its runtime makes them, nobody's change. */
import type { Stats } from 'node:fs'
import { lstat, readdir, rmdir, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Kernel } from '../linux/kernel.ts'
import { isOpaque } from './opaque.ts'

type XattrKernel = Pick<Kernel, 'getXattr'>

/** What the engine mounts into each container. */
const OWN = ['etc/hosts', 'etc/hostname', 'etc/resolv.conf', 'dev', 'proc', 'sys']

/**
 * Paths in the first of `layers` (newest first), relative to it, that are still as the runtime made them: empty, and
 * not in any layer below. With their parents, where those hold nothing else. Children first.
 */
export async function untouchedMountPoints(
  kernel: XattrKernel,
  layers: readonly string[],
): Promise<string[]> {
  const [upper, ...lower] = layers
  if (upper === undefined) return []
  const untouched: string[] = []
  const look = async (path: string) => {
    if ((await isUntouched(upper, lower, path, untouched)) && !isOpaque(kernel, `${upper}/${path}`))
      untouched.push(path)
  }
  for (const path of OWN) await look(path)
  for (const parent of new Set(OWN.map(dirname))) if (parent !== '.') await look(parent)
  return untouched
}

/** Removes them, of a container that has ended. */
export async function removeMountPoints(kernel: XattrKernel, layers: readonly string[]): Promise<void> {
  const [upper] = layers
  for (const path of await untouchedMountPoints(kernel, layers)) {
    const full = `${upper}/${path}`
    if ((await lstat(full)).isDirectory()) await rmdir(full)
    else await unlink(full)
  }
}

async function isUntouched(
  upper: string,
  lower: readonly string[],
  path: string,
  untouched: readonly string[],
): Promise<boolean> {
  const info = await statOf(`${upper}/${path}`)
  if (info === undefined) return false
  if (info.isDirectory()) {
    const names = await readdir(`${upper}/${path}`)
    if (!names.every((name) => untouched.includes(`${path}/${name}`))) return false
    const below = await firstOf(lower, path)
    // One that was copied up to hold them is as it was.
    return below === undefined || (below.isDirectory() && sameAttributes(info, below))
  }
  return info.isFile() && info.size === 0 && (await firstOf(lower, path)) === undefined
}

function sameAttributes(a: Stats, b: Stats): boolean {
  return a.mode === b.mode && a.uid === b.uid && a.gid === b.gid
}

/** Whatever the newest layer has there, a mark of what was deleted included. */
async function firstOf(layers: readonly string[], path: string): Promise<Stats | undefined> {
  for (const layer of layers) {
    const info = await statOf(`${layer}/${path}`)
    if (info) return info
  }
  return undefined
}

function statOf(path: string): Promise<Stats | undefined> {
  return lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
    throw error
  })
}

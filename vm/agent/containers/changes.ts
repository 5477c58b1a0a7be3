/** `docker diff`: what a container's own layer changes, read from overlayfs' upper directory. */
import type { Stats } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { join, posix } from 'node:path'
import type { Change } from '../../api/containers.ts'
import { kindOf } from '../../api/errors.ts'
import type { Kernel } from '../linux/kernel.ts'

const MODIFIED = 0
const ADDED = 1
const DELETED = 2

/** Places that the engine itself mounts on: the runtime makes them in the layer, Docker hides them. */
const OWN = ['/etc/hosts', '/etc/hostname', '/etc/resolv.conf', '/dev', '/proc', '/sys', '/.dockerenv']

export interface ChangesOptions {
  kernel: Pick<Kernel, 'getXattr'>
  upper: string
  /** Directories below it, newest first. */
  lower: readonly string[]
  /** Destinations of the container's mounts. */
  mounts: readonly string[]
}

/**
 * Sorted by path; a directory counts as modified when something in it changed or it changed itself. What a running
 * container removes while this looks is not told.
 */
export async function listChanges(options: ChangesOptions): Promise<Change[]> {
  const hidden = new Set([...OWN, ...options.mounts])
  const changes: Change[] = []
  /** True when something below (or the directory itself) is reported. */
  const walk = async (directory: string, names: string[]): Promise<boolean> => {
    let any = false
    for (const name of names.sort()) {
      const path = posix.join(directory, name)
      if (await one(path)) any = true
    }
    return any
  }
  const one = async (path: string): Promise<boolean> => {
    const info = await lstat(join(options.upper, path)).catch(missing)
    if (!info) return false
    if (isWhiteout(info)) {
      changes.push({ Path: path, Kind: DELETED })
      return true
    }
    const before = await lowerStat(options, path)
    if (hidden.has(path) && !(await hasContent(options, path, info))) return false
    if (!info.isDirectory() || !before?.isDirectory()) {
      changes.push({ Path: path, Kind: before ? MODIFIED : ADDED })
      if (info.isDirectory()) await walk(path, await namesIn(join(options.upper, path)))
      return true
    }
    const index = changes.length
    const deleted = isOpaque(options, join(options.upper, path)) ? await hiddenChildren(options, path) : []
    const inside = await walk(path, await namesIn(join(options.upper, path)))
    const differs = before.mode !== info.mode || before.uid !== info.uid || before.gid !== info.gid
    if (!inside && !differs && deleted.length === 0) return false
    changes.splice(index, 0, { Path: path, Kind: MODIFIED }, ...deleted)
    return true
  }
  await walk('/', await readdir(options.upper))
  return changes.sort((a, b) => (a.Path < b.Path ? -1 : a.Path > b.Path ? 1 : 0))
}

function isWhiteout(info: Stats): boolean {
  return info.isCharacterDevice() && info.rdev === 0
}

/** A mountpoint that is still just that: an empty file or directory. */
async function hasContent(options: ChangesOptions, path: string, info: Stats): Promise<boolean> {
  if (!info.isDirectory()) return info.size > 0
  return (await namesIn(join(options.upper, path))).length > 0
}

function isOpaque({ kernel }: ChangesOptions, directory: string): boolean {
  try {
    return kernel.getXattr(directory, 'trusted.overlay.opaque') !== undefined
  } catch (error) {
    if (kindOf(error) === 'not_found') return false
    throw error
  }
}

async function namesIn(directory: string): Promise<string[]> {
  return (await readdir(directory).catch(missing)) ?? []
}

async function lowerStat(options: ChangesOptions, path: string): Promise<Stats | undefined> {
  for (const layer of options.lower) {
    const info = await lstat(join(layer, path)).catch(missing)
    if (info) return isWhiteout(info) ? undefined : info
    if (await hiddenBelow(options, layer, path)) return undefined
  }
  return undefined
}

/** Whether `layer` hides what lies below it at `path`: by a whiteout or an opaque directory on the way. */
async function hiddenBelow(options: ChangesOptions, layer: string, path: string): Promise<boolean> {
  for (let parent = posix.dirname(path); parent !== '/'; parent = posix.dirname(parent)) {
    const info = await lstat(join(layer, parent)).catch(missing)
    if (!info) continue
    if (!info.isDirectory()) return true
    return isOpaque(options, join(layer, parent))
  }
  return false
}

async function hiddenChildren(options: ChangesOptions, path: string): Promise<Change[]> {
  const names = new Set<string>()
  for (const layer of options.lower) {
    for (const name of await namesIn(join(layer, path))) names.add(name)
  }
  for (const name of await namesIn(join(options.upper, path))) names.delete(name)
  const gone: Change[] = []
  for (const name of names) {
    const child = posix.join(path, name)
    if (await lowerStat(options, child)) gone.push({ Path: child, Kind: DELETED })
  }
  return gone
}

function missing(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
    return undefined
  throw error
}

/** The files of one container's log: `log` (conmon writes) and, rotated, `log.1` (newer) … `log.N`. */
import { readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { parseLogSize } from './host-config.ts'
import type { ContainerRecord } from './record.ts'

export interface RotationLimits {
  maxSize: number
  maxFile: number
}

/** Docker's max-size and max-file; undefined when the log is not limited. */
export function rotationOf(record: ContainerRecord): RotationLimits | undefined {
  const { Type: type, Config: config } = record.hostConfig.LogConfig ?? {}
  // The log of driver `none` is only there for attach.
  if (type === 'none') return { maxSize: 1024 * 1024, maxFile: 1 }
  const size = config?.['max-size'] ?? (type === 'local' ? '20m' : undefined)
  if (size === undefined || size === '-1') return undefined
  return { maxSize: parseLogSize(size), maxFile: Number(config?.['max-file'] ?? (type === 'local' ? 5 : 1)) }
}

/** Renames `log` away when it has grown too large; true when the writer must reopen it. */
export async function rotateIfLarge(directory: string, limits: RotationLimits): Promise<boolean> {
  const path = join(directory, 'log')
  const info = await stat(path).catch(() => undefined)
  if (!info || info.size < limits.maxSize) return false
  if (limits.maxFile <= 1) {
    await rm(path)
    return true
  }
  for (let index = limits.maxFile - 1; index >= 1; index--) {
    const from = index === 1 ? path : `${path}.${index - 1}`
    await rename(from, `${path}.${index}`).catch(ignoreMissing)
  }
  return true
}

/** Before a start, when no one writes. */
export async function rotateIfOld(directory: string, record: ContainerRecord): Promise<void> {
  const limits = rotationOf(record)
  if (limits) await rotateIfLarge(directory, limits)
}

/** Oldest first, `log` last; the latter whether it exists or not. */
export async function logFiles(directory: string): Promise<string[]> {
  const rotated = (await readdir(directory))
    .flatMap((name) => /^log\.([0-9]+)$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => b - a)
  return [...rotated.map((index) => join(directory, `log.${index}`)), join(directory, 'log')]
}

function ignoreMissing(error: unknown): void {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return
  throw error
}

import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { type EngineError, messageOf } from '../../vm/api/errors.ts'
import { saidError } from '../sayings.ts'

export const GiB = 1024 ** 3

/**
 * Brings the data disk into being as a sparse file of `bytes`, or grows the one that is there; the guest formats or
 * enlarges its file system. Never shrinks ('invalid_argument'), never replaces. A crash in between leaves a disk that is
 * too small, which the next call grows.
 */
export async function ensureDisk(path: string, bytes: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const file = await openDisk(path)
  try {
    const { size } = await file.stat()
    if (size > bytes) throw cannotShrink(path, size, bytes)
    if (size === 0) await makeSparse(path)
    if (size === bytes) return
    await file.truncate(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function openDisk(path: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDWR | constants.O_CREAT, 0o600)
  } catch (cause) {
    const saying = { code: 'disk_closed', values: { path }, detail: messageOf(cause) } as const
    throw saidError('vm_failed', saying, { cause })
  }
}

/** On NTFS a file has holes only after it was asked to. Elsewhere every file may. */
async function makeSparse(path: string): Promise<void> {
  if (process.platform === 'win32') await promisify(execFile)('fsutil', ['sparse', 'setflag', path])
}

function cannotShrink(path: string, size: number, wanted: number): EngineError {
  const values = { path, from: gibibytes(size), to: gibibytes(wanted) }
  return saidError(
    'invalid_argument',
    { code: 'disk_shrink', values },
    { hint: { code: 'disk_size', values: { size: gibibytes(size) } }, details: { size, wanted } },
  )
}

const gibibytes = (bytes: number): string => `${Number((bytes / GiB).toFixed(2))} GiB`

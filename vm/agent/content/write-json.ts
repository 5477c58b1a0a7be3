/** Small state files that survive a crash: written beside, synced, renamed. */
import { randomUUID } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Replaces `path` by `value` as JSON; a crash leaves the old or the new one, never a part. When it returns, the new one
 * is on the disk, its directory entries included. `durable: false` leaves that to the next flush, for state that a
 * crash makes worthless anyway.
 */
export async function writeJson(path: string, value: unknown, { durable = true } = {}): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`
  const file = await open(temporary, 'wx', 0o600)
  try {
    await file.writeFile(JSON.stringify(value))
    if (durable) await file.datasync()
    await file.close()
    await rename(temporary, path)
  } catch (error) {
    await file.close().catch(() => undefined)
    await rm(temporary, { force: true })
    throw error
  }
  if (durable) await syncDirectory(dirname(path))
}

/** On ext4 this commits the journal, and with it every earlier mkdir and rename. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

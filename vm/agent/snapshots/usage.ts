/** Disk use of a directory tree. */
import { lstat, opendir } from 'node:fs/promises'
import { join } from 'node:path'

/** Apparent bytes of regular files, each inode once, as Docker reports layer sizes; and the number of inodes. */
export async function usageOf(root: string): Promise<{ size: number; inodes: number }> {
  const seen = new Set<number>()
  let size = 0
  const pending = [root]
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    for await (const entry of await opendir(directory)) {
      const path = join(directory, entry.name)
      const info = await lstat(path).catch(() => undefined)
      if (!info || seen.has(info.ino)) continue
      seen.add(info.ino)
      if (info.isDirectory()) pending.push(path)
      else if (info.isFile()) size += info.size
    }
  }
  return { size, inodes: seen.size }
}

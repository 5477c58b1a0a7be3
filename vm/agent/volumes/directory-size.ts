import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Bytes of all files below `path`, hard links once, other filesystems left out; 0 when it is not there. */
export async function directorySize(path: string): Promise<number> {
  const seen = new Set<string>()
  const walk = async (directory: string, device: number): Promise<number> => {
    let total = 0
    const names = await readdir(directory).catch(ignoreMissing)
    for (const name of names ?? []) {
      const child = join(directory, name)
      const info = await lstat(child).catch(ignoreMissing)
      if (!info || info.dev !== device) continue
      if (info.isDirectory()) total += await walk(child, device)
      else if (info.nlink === 1 || !seen.has(`${info.ino}`)) {
        seen.add(`${info.ino}`)
        total += info.size
      }
    }
    return total
  }
  const root = await lstat(path).catch(ignoreMissing)
  return root ? walk(path, root.dev) : 0
}

/** Files come and go while a container writes. */
function ignoreMissing(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
  throw error
}

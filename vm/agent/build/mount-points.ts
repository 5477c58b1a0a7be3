/** Mount points of a RUN that its image does not have: the runtime makes them, and they are no part of the layer. */
import { lstat, rmdir, unlink } from 'node:fs/promises'
import { resolveInRoot } from './root-path.ts'

/** Paths (deepest first, relative to the root) that must be made so that the targets can be mounted on. */
export async function missingPaths(root: string, targets: readonly string[]): Promise<string[]> {
  const missing = new Set<string>()
  for (const target of targets) {
    let path = (await resolveInRoot(root, target)).slice(root.length)
    while (path !== '' && !(await lstat(root + path).catch(() => undefined))) {
      missing.add(path)
      path = path.slice(0, path.lastIndexOf('/'))
    }
  }
  return [...missing].sort((a, b) => b.length - a.length)
}

/** Removes those of them that are still empty below `upper`, the directory of the step's own changes. */
export async function removeEmpty(upper: string, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const info = await lstat(upper + path).catch(() => undefined)
    if (info?.isDirectory()) await rmdir(upper + path).catch(ignoreNotEmpty)
    else if (info?.isFile() && info.size === 0) await unlink(upper + path)
  }
}

/** The command wrote there: then it is part of the layer. */
function ignoreNotEmpty(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOTEMPTY') throw error
}

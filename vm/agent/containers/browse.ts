/** Looking into a container's folders and removing what is there, for the window's Files tab. */
import type { Stats } from 'node:fs'
import { lstat, readdir, readlink, rm } from 'node:fs/promises'
import { posix } from 'node:path'
import { EngineError } from '../../api/errors.ts'
import type { ContainerFile } from '../../api/slipway.ts'
import type { Locate, Resolved } from './safe-path.ts'

/** Folders with more entries are cut: nobody reads them, and every one of them is asked for its size. */
const MOST = 10_000

/** What is in a folder, by name; the file itself when it is none. */
export async function listFolder(locate: Locate, found: Resolved): Promise<ContainerFile[]> {
  const info = await lstat(found.path)
  if (!info.isDirectory()) return [await describe(posix.basename(found.inside), found.path, info)]
  const names = (await readdir(found.path)).sort().slice(0, MOST)
  const files: ContainerFile[] = []
  for (const name of names) {
    const path = locate(posix.join(found.inside, name))
    // It may go away while we look.
    const entry = await lstat(path).catch(() => undefined)
    if (entry) files.push(await describe(name, path, entry))
  }
  return files
}

/** Removes a file, or a folder with what is in it. The root itself stays. */
export async function removeInside(found: Resolved): Promise<void> {
  if (found.inside === '/')
    throw new EngineError('invalid_argument', 'the root of a container cannot be removed')
  await rm(found.path, { recursive: true })
}

async function describe(name: string, path: string, info: Stats): Promise<ContainerFile> {
  const file: ContainerFile = {
    name,
    kind: kindOf(info),
    size: info.size,
    mode: info.mode & 0o7777,
    mtime: Math.round(info.mtimeMs),
  }
  if (info.isSymbolicLink()) file.linkTarget = await readlink(path)
  return file
}

function kindOf(info: Stats): ContainerFile['kind'] {
  if (info.isFile()) return 'file'
  if (info.isDirectory()) return 'directory'
  return info.isSymbolicLink() ? 'symlink' : 'other'
}

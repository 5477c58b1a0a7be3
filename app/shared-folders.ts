/** Folders of this computer that containers may be given: what a user may name, and what there is to choose from. */
import type { Dirent, Stats } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { isAbsolute, join, normalize, parse, sep } from 'node:path'
import { EngineError, messageOf } from '../vm/api/errors.ts'
import { posixHostPath, sharedHostPath } from '../vm/api/host-paths.ts'
import { hostPlatform } from './settings.ts'

/** As many as one looks through. */
const MOST_COMPLETIONS = 50

/**
 * The folders in clean form, each once. One that is not absolute, does not exist or is no folder is 'invalid_argument'
 * and named; `known` ones pass unseen: a drive that is not plugged in now stays in the list.
 */
export async function checkSharedFolders(
  folders: readonly string[],
  known: readonly string[],
): Promise<string[]> {
  const cleaned = folders.map((folder) => (known.includes(folder) ? folder : cleanFolder(folder)))
  await Promise.all(cleaned.filter((folder) => !known.includes(folder)).map(checkFolder))
  return [...new Set(cleaned)]
}

function cleanFolder(folder: string): string {
  const text = folder.trim()
  if (!isAbsolute(text) || posixHostPath(text, hostPlatform()) === undefined) {
    throw refused(folder, 'is not an absolute path')
  }
  const path = normalize(text)
  return path === parse(path).root || !path.endsWith(sep) ? path : path.slice(0, -1)
}

async function checkFolder(folder: string): Promise<void> {
  let info: Stats
  try {
    info = await stat(folder)
  } catch (error) {
    const gone = (error as NodeJS.ErrnoException).code === 'ENOENT'
    throw refused(folder, gone ? 'does not exist' : `cannot be read: ${messageOf(error)}`)
  }
  if (!info.isDirectory()) throw refused(folder, 'is not a folder')
}

function refused(folder: string, why: string): EngineError {
  return new EngineError('invalid_argument', `sharedFolders: ${folder} ${why}`)
}

/**
 * Shared folders whose path begins with the text: the roots themselves, and what is in the folder that the text names so
 * far. Hidden ones only when their dot is typed. What cannot be read is left out.
 */
export async function completeFolder(text: string, shared: readonly string[]): Promise<string[]> {
  const roots = shared.filter((root) => root.startsWith(text) && root !== text)
  const platform = hostPlatform()
  const end = Math.max(text.lastIndexOf('/'), text.lastIndexOf(sep))
  const folder = end < 0 ? '' : text.slice(0, end + 1)
  const path = posixHostPath(folder, platform)
  if (path === undefined || sharedHostPath(path, shared, platform) === undefined) return roots
  const begun = text.slice(end + 1)
  const found = (await entries(folder))
    .filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
    .map(({ name }) => name)
    .filter((name) => name.startsWith(begun) && (begun.startsWith('.') || !name.startsWith('.')))
    .sort()
    .map((name) => join(folder, name))
  return [...new Set([...roots, ...found])].slice(0, MOST_COMPLETIONS)
}

async function entries(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true })
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return []
    throw error
  }
}

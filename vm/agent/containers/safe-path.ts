/** Paths inside a container's filesystem, resolved so that no symbolic link leads out of it. */
import { lstat, readlink, realpath } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { EngineError } from '../../api/errors.ts'

const MAX_LINKS = 255

export interface Resolved {
  /** Path on the machine; every component but a missing tail exists. */
  path: string
  /** The same place as the container sees it, links resolved. */
  inside: string
  /** Whether the last component exists. */
  exists: boolean
}

/** Where an absolute, link-free path of the container lies on the machine. */
export type Locate = (inside: string) => string

/**
 * Resolves `path` as the container would, with `root` as `/` (a directory, or a function that also knows its volumes).
 * `..` stops at the root; absolute links start there. The last component's own link is followed only with `follow`.
 * Missing components stay as they are written.
 */
export async function resolveInside(
  root: string | Locate,
  path: string,
  options: { follow?: boolean } = {},
): Promise<Resolved> {
  const locate: Locate = typeof root === 'string' ? (inside) => join(root, inside) : root
  let pending = path.split('/').filter((part) => part !== '' && part !== '.')
  let done: string[] = []
  let links = 0
  let exists = true
  while (pending.length > 0) {
    const [part = '', ...rest] = pending
    pending = rest
    if (part === '..') {
      done = done.slice(0, -1)
      continue
    }
    const current = locate(posix.join('/', ...done, part))
    const info = exists ? await lstat(current).catch(missingOrNot) : undefined
    if (!info) exists = false
    if (info?.isSymbolicLink() && (rest.length > 0 || options.follow)) {
      if (++links > MAX_LINKS) {
        throw new EngineError('invalid_argument', `${path}: too many levels of symbolic links`)
      }
      const target = await readlink(current)
      if (target.startsWith('/')) done = []
      pending = [...target.split('/').filter((p) => p !== '' && p !== '.'), ...rest]
      continue
    }
    done = [...done, part]
  }
  const inside = posix.join('/', ...done)
  return { path: locate(inside), inside, exists }
}

/** What `subpath` of `base` leads to, links followed as the machine does; nothing outside of `base`. Docker's words. */
export async function subpathOf(base: string, subpath: string): Promise<string> {
  const root = await realpath(base)
  const wanted = join(root, subpath)
  const found = await realpath(wanted).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error
    const why = error.code === 'ENOENT' ? 'no such file or directory' : 'not a directory'
    throw new EngineError('not_found', `cannot access path ${wanted}: lstat ${error.path ?? wanted}: ${why}`)
  })
  if (found !== root && !found.startsWith(`${root}/`)) {
    throw new EngineError(
      'invalid_argument',
      `path concatenation escapes the base directory, base: ${root}, subpath: ${subpath}`,
    )
  }
  return found
}

function missingOrNot(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) {
    return undefined
  }
  throw error
}

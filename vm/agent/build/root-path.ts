/** Paths inside a root filesystem as a process chrooted into it would see them. */
import { lstat, readlink } from 'node:fs/promises'
import { EngineError } from '../../api/errors.ts'

const MAX_LINKS = 40

/**
 * The real path of `path` below `root`: every symlink, also the last, is followed inside the root, `..` stops there.
 * What does not exist is taken as it is written.
 */
export async function resolveInRoot(
  root: string,
  path: string,
  options: { followLast?: boolean } = {},
): Promise<string> {
  const left = path.split('/')
  const done: string[] = []
  let links = 0
  for (let part = left.shift(); part !== undefined; part = left.shift()) {
    if (part === '' || part === '.') continue
    if (part === '..') {
      done.pop()
      continue
    }
    const current = [root, ...done, part].join('/')
    const isLast = left.every((rest) => rest === '')
    const info =
      isLast && options.followLast === false ? undefined : await lstat(current).catch(() => undefined)
    if (!info?.isSymbolicLink()) {
      done.push(part)
      continue
    }
    if (++links > MAX_LINKS)
      throw new EngineError('invalid_argument', `${path}: too many levels of symbolic links`)
    const target = await readlink(current)
    if (target.startsWith('/')) done.length = 0
    left.unshift(...target.split('/'))
  }
  return [root, ...done].join('/')
}

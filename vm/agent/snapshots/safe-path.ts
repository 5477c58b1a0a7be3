/**
 * Paths of an archive inside a root, as a process chrooted into it would see them: symlinks of the archive are
 * followed, absolute ones from the root, and `..` stops there. Each parent directory is looked at with lstat once and
 * then remembered; whoever replaces a directory must say so with `forget`.
 */
import { lstatSync, mkdirSync, readlinkSync, type Stats } from 'node:fs'
import { EngineError } from '../../api/errors.ts'

const MAX_LINKS = 40

/**
 * Components of an archive's path; a leading `/` means the root, as dockerd takes it. invalid_argument for `..`, which
 * honest archives do not have.
 */
export function components(name: string, what = 'path'): string[] {
  if (name.includes('\0')) throw refused(`${what} contains NUL`)
  const parts = name.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.includes('..')) throw refused(`${what} "${name}" leaves the root`)
  return parts
}

export class SafeRoot {
  readonly root: string
  readonly #makeParent: (path: string, relative: string) => void
  /** Directory as the archive names it → real one; only real directories that exist are in here. */
  readonly #known = new Map<string, string>()

  /** `makeParent` makes a directory that the archive only implies; a whiteout may be in its place. */
  constructor(
    root: string,
    makeParent: (path: string, relative: string) => void = (path) => mkdirSync(path, 0o755),
  ) {
    this.root = root
    this.#makeParent = makeParent
    this.#known.set('', root)
  }

  /** Real directory of `parts`, made where it is missing. invalid_argument when something else is in the way. */
  directory(parts: readonly string[]): string {
    const key = parts.join('/')
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const parent = this.directory(parts.slice(0, -1))
    const path = `${parent}/${parts.at(-1)}`
    const real = lstatOrUndefined(path)?.isSymbolicLink() ? this.#followed(parts) : this.#entered(path)
    this.#known.set(key, real)
    return real
  }

  /** The path of an entry: a real parent directory and a last component that was not looked at. */
  entry(parts: readonly string[]): string {
    return `${this.directory(parts.slice(0, -1))}/${parts.at(-1)}`
  }

  /** `path` of this root, without the root. */
  relative(path: string): string {
    return path.slice(this.root.length + 1)
  }

  /** Something at or below `parts` is no longer what it was. */
  forget(): void {
    this.#known.clear()
    this.#known.set('', this.root)
  }

  #entered(path: string): string {
    const info = lstatOrUndefined(path)
    if (!info || isWhiteout(info)) this.#makeParent(path, this.relative(path))
    else if (!info.isDirectory()) throw refused(`"${this.relative(path)}" is not a directory`)
    return path
  }

  #followed(parts: readonly string[]): string {
    let links = 0
    const done: string[] = []
    const left = [...parts]
    for (let part = left.shift(); part !== undefined; part = left.shift()) {
      if (part === '' || part === '.') continue
      if (part === '..') {
        done.pop()
        continue
      }
      const path = [this.root, ...done, part].join('/')
      if (!lstatOrUndefined(path)?.isSymbolicLink()) {
        this.#entered(path)
        done.push(part)
        continue
      }
      if (++links > MAX_LINKS) throw refused(`too many links in "${parts.join('/')}"`)
      const target = readlinkSync(path)
      if (target.startsWith('/')) done.length = 0
      left.unshift(...target.split('/'))
    }
    return [this.root, ...done].join('/')
  }
}

/**
 * What the layers in `directories`, top first, have at `relative`. No link of theirs is followed: it would lead out of
 * the layer. Undefined where there is nothing or a whiteout.
 */
export function findBelow(
  directories: readonly string[],
  relative: string,
): { path: string; info: Stats } | undefined {
  for (const directory of directories) {
    let path = directory
    let info: Stats | undefined
    for (const part of relative.split('/')) {
      if (info && !info.isDirectory()) return undefined
      path = `${path}/${part}`
      info = lstatOrUndefined(path)
      if (!info) break
    }
    if (info) return isWhiteout(info) ? undefined : { path, info }
  }
  return undefined
}

/** Overlayfs' mark for "gone": a character device 0:0. */
export function isWhiteout(info: Stats): boolean {
  return info.isCharacterDevice() && info.rdev === 0
}

function refused(why: string): EngineError {
  return new EngineError('invalid_argument', `invalid tar entry: ${why}`)
}

/** lstat, undefined where there is nothing. */
export function lstatOrUndefined(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false })
}

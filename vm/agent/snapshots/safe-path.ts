/**
 * Paths of an archive inside a root, without ever following a symlink out of it. Each parent directory is looked at
 * with lstat once and then remembered; whoever replaces a directory must say so with `forget`.
 */
import { lstatSync, mkdirSync, readlinkSync, type Stats } from 'node:fs'
import { EngineError } from '../../api/errors.ts'

const MAX_LINKS = 40

/** Components of an archive's path. invalid_argument for absolute paths and for `..`: honest archives have neither. */
export function components(name: string, what = 'path'): string[] {
  if (name.startsWith('/')) {
    throw new EngineError('invalid_argument', `invalid tar entry: absolute ${what} "${name}"`)
  }
  if (name.includes('\0'))
    throw new EngineError('invalid_argument', `invalid tar entry: ${what} contains NUL`)
  const parts = name.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.includes('..')) {
    throw new EngineError('invalid_argument', `invalid tar entry: ${what} "${name}" leaves the root`)
  }
  return parts
}

export class SafeRoot {
  readonly root: string
  readonly #makeParent: (path: string, relative: string) => void
  /** Relative directory → real one; only real directories that exist are in here. */
  readonly #known = new Map<string, string>()

  constructor(
    root: string,
    makeParent: (path: string, relative: string) => void = (path) => mkdirSync(path, 0o755),
  ) {
    this.root = root
    this.#makeParent = makeParent
    this.#known.set('', root)
  }

  /** Real directory of `parts`, made where it is missing. A symlink on the way is an error: nothing honest has it. */
  directory(parts: readonly string[]): string {
    const key = parts.join('/')
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const parent = this.directory(parts.slice(0, -1))
    const path = `${parent}/${parts.at(-1)}`
    const info = lstatOrUndefined(path)
    if (!info || (info.rdev === 0 && info.isCharacterDevice())) this.#makeParent(path, key)
    else if (info.isSymbolicLink()) {
      const real = this.#followed(parts)
      this.#known.set(key, real)
      return real
    } else if (!info.isDirectory()) {
      throw new EngineError('invalid_argument', `invalid tar entry: "${key}" is not a directory`)
    }
    this.#known.set(key, path)
    return path
  }

  /** The path of an entry: a real parent directory and a last component that was not looked at. */
  entry(parts: readonly string[]): string {
    return `${this.directory(parts.slice(0, -1))}/${parts.at(-1)}`
  }

  /** Something at or below `parts` is no longer what it was. */
  forget(): void {
    this.#known.clear()
    this.#known.set('', this.root)
  }

  /** Follows symlinks that stay inside; one that points out is an attack (or a layer nobody can mean). */
  #followed(parts: readonly string[]): string {
    let links = 0
    const done: string[] = []
    const left = [...parts]
    for (let part = left.shift(); part !== undefined; part = left.shift()) {
      if (part === '' || part === '.') continue
      if (part === '..') {
        if (done.pop() === undefined) throw leavesRoot(parts)
        continue
      }
      const path = [this.root, ...done, part].join('/')
      const info = lstatOrUndefined(path)
      if (info?.isSymbolicLink()) {
        if (++links > MAX_LINKS) {
          throw new EngineError(
            'invalid_argument',
            `invalid tar entry: too many links in "${parts.join('/')}"`,
          )
        }
        const target = readlinkSync(path)
        if (target.startsWith('/')) throw leavesRoot(parts)
        left.unshift(...target.split('/'))
        continue
      }
      if (!info) this.#makeParent(path, [...done, part].join('/'))
      else if (!info.isDirectory()) {
        throw new EngineError(
          'invalid_argument',
          `invalid tar entry: "${[...done, part].join('/')}" is not a directory`,
        )
      }
      done.push(part)
    }
    return [this.root, ...done].join('/')
  }
}

function leavesRoot(parts: readonly string[]): EngineError {
  return new EngineError(
    'invalid_argument',
    `invalid tar entry: "${parts.join('/')}" leaves the root through a symlink`,
  )
}

/** lstat, undefined where there is nothing. */
export function lstatOrUndefined(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false })
}

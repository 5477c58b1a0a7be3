import { realpath } from 'node:fs/promises'
import { basename, dirname, join, sep } from 'node:path'
import { FileError } from './sftp-status.ts'
import type { Place, Share, Shares } from './shares.ts'

/** How long a shared folder's own real path is believed: only the user's computer can change it, not a container. */
const ROOT_MS = 2_000

/**
 * From paths of the guest to paths that may be opened. A folder on the way may be a link that leads out of the share (a
 * container can make one): the real path of the last name's folder is asked for at each operation, and must lie in a
 * shared folder. The last name itself is never followed by who uses the answer.
 *
 * Between this look and the use, a folder on the way can be exchanged for a link; node:fs has no calls relative to an
 * open folder. It takes a program in a container that wins this race of some microseconds against the app.
 */
export class CheckedPaths {
  readonly #shares: () => Shares
  readonly #roots = new Map<string, { real: Promise<string>; until: number }>()

  constructor(shares: () => Shares) {
    this.#shares = shares
  }

  /** Fails with ENOENT for what is not there for the guest. */
  locate(path: string): Place {
    const place = this.#shares().locate(path)
    if (!place) throw new FileError('ENOENT', path)
    return place
  }

  /** A path in a share whose folders are real ones. Fails with EACCES for folders above the shares. */
  async inside(path: string): Promise<string> {
    const place = this.locate(path)
    if (place.kind === 'above') throw new FileError('EACCES', `${path} holds a shared folder and is none`)
    return await this.resolve(place)
  }

  async resolve({ share, path, native }: Extract<Place, { kind: 'inside' }>): Promise<string> {
    const root = await this.#root(share)
    if (path === '') return root
    const parent = await realpath(dirname(native))
    if (!(await this.#holds(parent, root)))
      throw new FileError('ENOENT', `${native} leads out of ${share.native}`)
    return join(parent, basename(native))
  }

  /** Where a link at the end leads, too. */
  async followed(path: string): Promise<string> {
    const place = this.locate(path)
    if (place.kind === 'above') throw new FileError('EACCES', `${path} holds a shared folder and is none`)
    const real = await realpath(await this.resolve(place))
    const root = await this.#root(place.share)
    if (!(await this.#holds(real, root)))
      throw new FileError('ENOENT', `${path} leads out of ${place.share.native}`)
    return real
  }

  /** A folder on the same disk; of those above the shares, one of the shares. */
  async nearest(path: string): Promise<string> {
    const place = this.locate(path)
    if (place.kind === 'inside') return await this.resolve(place)
    const [first] = this.#shares().all
    if (!first) throw new FileError('ENOENT', path)
    return await this.#root(first)
  }

  async #holds(path: string, root: string): Promise<boolean> {
    if (isWithin(path, root)) return true
    for (const share of this.#shares().all) {
      const other = await this.#root(share).catch(() => undefined)
      if (other !== undefined && isWithin(path, other)) return true
    }
    return false
  }

  #root(share: Share): Promise<string> {
    const known = this.#roots.get(share.native)
    if (known && known.until > Date.now()) return known.real
    const real = realpath(share.native)
    this.#roots.set(share.native, { real, until: Date.now() + ROOT_MS })
    real.catch(() => this.#roots.delete(share.native))
    return real
  }
}

function isWithin(path: string, root: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep)
}

/** A tree of a container as a tar stream. Memory stays flat: pieces of one file at a time, as they are asked for. */
import type { Stats } from 'node:fs'
import { lstat, readdir, readlink } from 'node:fs/promises'
import { posix } from 'node:path'
import type { Kernel } from '../linux/kernel.ts'
import { contentOf, deviceNumbers, tarTypeOf } from '../snapshots/diff.ts'
import type { TarHeader } from '../snapshots/tar-reader.ts'
import { TAR_END, tarHeader } from '../snapshots/tar-writer.ts'
import type { Locate } from './safe-path.ts'

export interface PackOptions {
  kernel: Pick<Kernel, 'getXattr'>
  locate: Locate
  /** What is packed, as the container sees it; its own link is not followed. */
  inside: string
  /** Name of the top entry: `etc`, `.` for the content of a directory, `/` for the root; empty leaves the top out. */
  name: string
  signal: AbortSignal
}

const NO_XATTRS: ReadonlyMap<string, Uint8Array> = new Map()

/** A chunk holds until the next is asked for. */
export async function* packTree(options: PackOptions): AsyncIterable<Uint8Array> {
  yield* new TreePacker(options).add(options.inside, options.name)
  yield TAR_END
}

class TreePacker {
  readonly #options: PackOptions
  readonly #links = new Map<string, string>()

  constructor(options: PackOptions) {
    this.#options = options
  }

  async *add(inside: string, name: string): AsyncIterable<Uint8Array> {
    this.#options.signal.throwIfAborted()
    const path = this.#options.locate(inside)
    const info = await lstat(path).catch(ignoreMissing)
    if (!info || info.isSocket()) return
    if (info.isDirectory()) {
      const prefix = name === '' || name === '/' ? name : `${name}/`
      if (prefix !== '') yield tarHeader(this.#header(path, info, prefix))
      for (const child of (await readdir(path).catch(ignoreMissing)) ?? []) {
        yield* this.add(posix.join(inside, child), `${prefix}${child}`)
      }
      return
    }
    if (info.isFile()) yield* this.#file(path, info, name)
    else if (!info.isSymbolicLink()) yield tarHeader(this.#header(path, info, name, deviceNumbers(info)))
    else yield tarHeader(this.#header(path, info, name, { linkName: await readlink(path) }))
  }

  /** A file that changes while it is read: what is missing is filled up, what is too much is left out. */
  async *#file(path: string, info: Stats, name: string): AsyncIterable<Uint8Array> {
    const key = `${info.dev}:${info.ino}`
    const first = info.nlink > 1 ? this.#links.get(key) : undefined
    if (first !== undefined) {
      yield tarHeader(this.#header(path, info, name, { type: 'link', linkName: first }))
      return
    }
    if (info.nlink > 1) this.#links.set(key, name)
    yield tarHeader(this.#header(path, info, name, { size: info.size }))
    yield* contentOf(path, info.size)
  }

  #header(path: string, info: Stats, name: string, more: Partial<TarHeader> = {}): TarHeader {
    const capability = info.isFile() ? this.#options.kernel.getXattr(path, 'security.capability') : undefined
    return {
      name,
      type: tarTypeOf(info),
      mode: info.mode & 0o7777,
      uid: info.uid,
      gid: info.gid,
      size: 0,
      mtime: Math.floor(info.mtimeMs / 1000),
      linkName: '',
      major: 0,
      minor: 0,
      xattrs: capability ? new Map([['security.capability', capability]]) : NO_XATTRS,
      ...more,
    }
  }
}

/** Files come and go while a container writes. */
function ignoreMissing(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
  throw error
}

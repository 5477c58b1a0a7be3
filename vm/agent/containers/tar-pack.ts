/** A tree of a container as a tar stream. Memory stays flat: one file at a time, with back-pressure. */
import { createReadStream, type Stats } from 'node:fs'
import { lstat, readdir, readlink } from 'node:fs/promises'
import { posix } from 'node:path'
import { type Header, type Pack, pack } from 'tar-stream'
import type { Kernel } from '../linux/kernel.ts'
import type { Locate } from './safe-path.ts'

export interface PackOptions {
  kernel: Pick<Kernel, 'getXattr'>
  locate: Locate
  /** What is packed, as the container sees it; its own link is not followed. */
  inside: string
  /** Name of the top entry: `etc`, or `.` for the content of a directory; empty leaves the top out. */
  name: string
  signal: AbortSignal
}

export async function* packTree(options: PackOptions): AsyncIterable<Uint8Array> {
  const tar = pack()
  const onAbort = () => tar.destroy()
  options.signal.addEventListener('abort', onAbort, { once: true })
  const writing = new TreeWriter(tar, options).add(options.inside, options.name).then(
    () => tar.finalize(),
    (error: Error) => tar.destroy(error),
  )
  try {
    for await (const chunk of tar) yield chunk as Uint8Array
    await writing
  } finally {
    options.signal.removeEventListener('abort', onAbort)
    tar.destroy()
  }
}

type EntryHeader = Partial<Header> & Pick<Header, 'name'>

class TreeWriter {
  readonly #tar: Pack
  readonly #options: PackOptions
  readonly #links = new Map<string, string>()

  constructor(tar: Pack, options: PackOptions) {
    this.#tar = tar
    this.#options = options
  }

  async add(inside: string, name: string): Promise<void> {
    if (this.#options.signal.aborted) return
    const path = this.#options.locate(inside)
    const info = await lstat(path).catch(ignoreMissing)
    if (!info || info.isSocket()) return
    const header = await this.#header(path, info, name)
    if (info.isDirectory()) {
      if (name !== '') await this.#entry({ ...header, name: `${name}/`, type: 'directory' })
      for (const child of (await readdir(path).catch(ignoreMissing)) ?? []) {
        await this.add(posix.join(inside, child), name === '' ? child : `${name}/${child}`)
      }
      return
    }
    if (!info.isFile()) return this.#entry(header)
    const key = `${info.dev}:${info.ino}`
    const first = info.nlink > 1 ? this.#links.get(key) : undefined
    if (first !== undefined) return this.#entry({ ...header, type: 'link', linkname: first, size: 0 })
    if (info.nlink > 1) this.#links.set(key, name)
    await this.#file(path, info, header)
  }

  async #header(path: string, info: Stats, name: string): Promise<EntryHeader> {
    const capability = info.isFile() ? this.#options.kernel.getXattr(path, 'security.capability') : undefined
    return {
      name,
      mode: info.mode & 0o7777,
      uid: info.uid,
      gid: info.gid,
      mtime: info.mtime,
      ...typeOf(info),
      ...(info.isSymbolicLink() ? { linkname: await readlink(path) } : {}),
      ...(capability
        ? { pax: { 'SCHILY.xattr.security.capability': Buffer.from(capability).toString('latin1') } }
        : {}),
    }
  }

  #entry(header: EntryHeader): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#tar.entry(header, (error) => (error ? reject(error) : resolve()))
    })
  }

  #empty(header: EntryHeader): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#tar.entry(header, new Uint8Array(), (error) => (error ? reject(error) : resolve()))
    })
  }

  /** A file that changes while it is read: what is missing is filled up, what is too much is left out. */
  async #file(path: string, info: Stats, header: EntryHeader): Promise<void> {
    if (info.size === 0) return this.#empty({ ...header, size: 0 })
    const entry = this.#tar.entry({ ...header, size: info.size })
    for await (const chunk of exactly(path, info.size)) {
      if (!entry.write(chunk)) await drained(entry)
    }
    await new Promise<void>((resolve, reject) => {
      entry.on('finish', () => resolve())
      entry.on('error', reject)
      entry.end(undefined)
    })
  }
}

/** The consumer may also be gone: then nothing drains any more, but the stream closes. */
function drained(entry: ReturnType<Pack['entry']>): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      entry.off('drain', done).off('close', done)
      resolve()
    }
    entry.on('drain', done).on('close', done)
  })
}

async function* exactly(path: string, size: number): AsyncIterable<Uint8Array> {
  let left = size
  for await (const chunk of createReadStream(path, { end: size - 1, highWaterMark: 256 * 1024 })) {
    left -= (chunk as Buffer).length
    yield chunk as Buffer
  }
  while (left > 0) {
    const zeros = Buffer.alloc(Math.min(left, 65_536))
    left -= zeros.length
    yield zeros
  }
}

function typeOf(info: Stats): Partial<Header> {
  if (info.isSymbolicLink()) return { type: 'symlink', size: 0 }
  if (info.isFIFO()) return { type: 'fifo', size: 0 }
  const numbers = { devmajor: Math.floor(info.rdev / 256), devminor: info.rdev % 256, size: 0 }
  if (info.isCharacterDevice()) return { type: 'character-device', ...numbers }
  if (info.isBlockDevice()) return { type: 'block-device', ...numbers }
  return { type: 'file' }
}

/** Files come and go while a container writes. */
function ignoreMissing(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
  throw error
}

/**
 * The changes of a snapshot as an OCI layer tar: names in order, whiteouts for what overlayfs marks deleted, hard
 * links within the layer kept. The same tree gives the same bytes, so a layer can be packed again instead of kept.
 */
import type { Stats } from 'node:fs'
import { lstat, readdir, readlink } from 'node:fs/promises'
import { fileChunks } from '../content/chunks.ts'
import type { Kernel } from '../linux/kernel.ts'
import { isOpaque } from './opaque.ts'
import type { LayerDiffer, Snapshotter } from './snapshotter.ts'
import type { TarHeader, TarType } from './tar-reader.ts'
import { TAR_END, tarHeader, tarPadding } from './tar-writer.ts'

type DiffKernel = Pick<Kernel, 'getXattr' | 'listXattrs'>
const ZEROS = Buffer.alloc(64 * 1024)
const NO_XATTRS: ReadonlyMap<string, Uint8Array> = new Map()
/** Overlay's bookkeeping and labels of this machine are not content. */
const KEPT_XATTR = /^(security\.capability$|user\.(?!overlay\.))/

export class OverlayDiffer implements LayerDiffer {
  readonly #snapshots: Snapshotter
  readonly #kernel: DiffKernel

  constructor(options: { snapshots: Snapshotter; kernel: DiffKernel }) {
    this.#snapshots = options.snapshots
    this.#kernel = options.kernel
  }

  async *diff(key: string, options: { signal?: AbortSignal } = {}): AsyncIterable<Uint8Array> {
    const root = await this.#snapshots.upperDir(key)
    yield* packTree(root, this.#kernel, options)
  }
}

/**
 * A directory in overlay upper form as a layer tar, but for the paths in `skip`. A chunk holds until the next is asked
 * for.
 */
export async function* packTree(
  root: string,
  kernel: DiffKernel,
  options: { signal?: AbortSignal; skip?: readonly string[] } = {},
): AsyncIterable<Uint8Array> {
  const skip = new Set(options.skip)
  const links = new Map<number, string>()
  // Depth first by a stack of directories still to list, each with its sorted names.
  const pending: string[][] = [(await names(root, '')).reverse()]
  for (let level = pending.at(-1); level; level = pending.at(-1)) {
    options.signal?.throwIfAborted()
    const relative = level.pop()
    if (relative === undefined) {
      pending.pop()
      continue
    }
    if (skip.has(relative)) continue
    const path = `${root}/${relative}`
    const info = await lstat(path).catch(ignoreMissing)
    // A container that goes on while it is packed may have removed it since its folder was listed.
    if (!info) continue
    yield* entry(path, relative, info, kernel, links)
    if (info.isDirectory()) pending.push((await names(root, relative)).reverse())
  }
  yield TAR_END
}

async function names(root: string, relative: string): Promise<string[]> {
  const prefix = relative === '' ? '' : `${relative}/`
  const listed = readdir(`${root}/${relative}`)
  const found = await (relative === '' ? listed : listed.catch(ignoreMissing))
  return (found ?? []).sort().map((name) => prefix + name)
}

function ignoreMissing(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
  throw error
}

async function* entry(
  path: string,
  relative: string,
  info: Stats,
  kernel: DiffKernel,
  links: Map<number, string>,
): AsyncIterable<Uint8Array> {
  if (info.isSocket()) return
  if (info.isCharacterDevice() && info.rdev === 0) {
    yield tarHeader(marker(whiteoutName(relative), info))
    return
  }
  const first = info.nlink > 1 && !info.isDirectory() ? links.get(info.ino) : undefined
  if (first !== undefined) {
    yield tarHeader(header(relative, 'link', info, { linkName: first }))
    return
  }
  if (info.nlink > 1 && !info.isDirectory()) links.set(info.ino, relative)
  const xattrs = xattrsOf(path, info, kernel)
  if (info.isDirectory()) {
    yield tarHeader(header(`${relative}/`, 'directory', info, { xattrs }))
    if (isOpaque(kernel, path)) {
      yield tarHeader(marker(`${relative}/.wh..wh..opq`, info))
    }
  } else if (info.isSymbolicLink()) {
    yield tarHeader(header(relative, 'symlink', info, { linkName: await readlink(path) }))
  } else if (info.isFile()) {
    yield tarHeader(header(relative, 'file', info, { size: info.size, xattrs }))
    yield* contentOf(path, info.size)
  } else {
    yield tarHeader(header(relative, tarTypeOf(info), info, { ...deviceNumbers(info), xattrs }))
  }
}

/** Exactly `size` bytes of a file and the padding, also when it shrinks meanwhile or is gone. */
export async function* contentOf(path: string, size: number): AsyncIterable<Uint8Array> {
  let left = size
  for await (const chunk of size > 0 ? fileChunks(path, { size }) : []) {
    left -= chunk.length
    yield chunk
  }
  for (; left > 0; left -= ZEROS.length) yield ZEROS.subarray(0, left)
  yield tarPadding(size)
}

/** Whiteouts carry no attributes: the device that stands for one is made anew wherever the layer is applied. */
function marker(name: string, info: Stats): TarHeader {
  return header(name, 'file', info, { mode: 0, uid: 0, gid: 0, mtime: 0 })
}

function header(name: string, type: TarType, info: Stats, more: Partial<TarHeader>): TarHeader {
  return {
    name,
    type,
    mode: info.mode & 0o7777,
    uid: info.uid,
    gid: info.gid,
    size: 0,
    mtime: Math.floor(info.mtimeMs / 1000),
    linkName: '',
    major: 0,
    minor: 0,
    xattrs: NO_XATTRS,
    ...more,
  }
}

function xattrsOf(path: string, info: Stats, kernel: DiffKernel): ReadonlyMap<string, Uint8Array> {
  if (info.isSymbolicLink()) return NO_XATTRS
  const kept = kernel
    .listXattrs(path)
    .filter((name) => KEPT_XATTR.test(name))
    .sort()
  if (kept.length === 0) return NO_XATTRS
  return new Map(kept.map((name) => [name, kernel.getXattr(path, name) ?? new Uint8Array()]))
}

function whiteoutName(relative: string): string {
  const slash = relative.lastIndexOf('/')
  return `${relative.slice(0, slash + 1)}.wh.${relative.slice(slash + 1)}`
}

/** What a file that is no socket is in a tar. */
export function tarTypeOf(info: Stats): TarType {
  if (info.isFile()) return 'file'
  if (info.isDirectory()) return 'directory'
  if (info.isSymbolicLink()) return 'symlink'
  if (info.isCharacterDevice()) return 'character-device'
  return info.isBlockDevice() ? 'block-device' : 'fifo'
}

/** makedev(3) of Linux, the other way round. */
export function deviceNumbers(info: Stats): { major: number; minor: number } {
  if (info.isFIFO()) return { major: 0, minor: 0 }
  const rdev = BigInt(info.rdev)
  return {
    major: Number(((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n)),
    minor: Number((rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n)),
  }
}

/**
 * One layer's tar onto an overlay upper directory (OCI image spec, layer.md). Everything here is synchronous: it runs
 * in a worker thread, where small files are faster without promises.
 */
import {
  chmodSync,
  closeSync,
  copyFileSync,
  fchmodSync,
  fchownSync,
  constants as fsConstants,
  futimesSync,
  lchownSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  openSync,
  rmSync,
  type Stats,
  symlinkSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { EngineError } from '../../api/errors.ts'
import { Room } from '../content/room.ts'
import type { Kernel } from '../linux/kernel.ts'
import { OPAQUE_XATTR } from './opaque.ts'
import { components, findBelow, lstatOrUndefined, SafeRoot } from './safe-path.ts'
import type { TarHandler, TarHeader } from './tar-reader.ts'

const WHITEOUT = '.wh.'
const OPAQUE = '.wh..wh..opq'
const YES = Buffer.from('y')
const S_IFCHR = 0o020000
const S_IFBLK = 0o060000
const S_IFIFO = 0o010000
/** What a file costs beside its content: an inode, its name, a block of a small directory. */
const ENTRY_SIZE = 4096
const CREATE = fsConstants.O_CREAT | fsConstants.O_EXCL | fsConstants.O_WRONLY | fsConstants.O_NOFOLLOW

export type ApplyKernel = Pick<Kernel, 'mknod' | 'setXattr'>

export class LayerWriter implements TarHandler {
  readonly #kernel: ApplyKernel
  readonly #paths: SafeRoot
  /** Directories of the layers below, top first: parents that this layer only implies get their mode from there. */
  readonly #lower: readonly string[]
  /** Real paths that the layer has a whiteout for. */
  readonly #whiteouts = new Set<string>()
  /** Directory times are set last, children first: writing into a directory changes them. */
  readonly #directoryTimes = new Map<string, number>()
  #file: { descriptor: number; header: TarHeader; path: string } | undefined
  #size = 0
  #inodes = 0
  readonly #umask: number
  readonly #room: Room

  constructor(options: { kernel: ApplyKernel; root: string; lower: readonly string[] }) {
    this.#kernel = options.kernel
    this.#lower = options.lower
    this.#paths = new SafeRoot(options.root, (path, relative) => this.#impliedParent(path, relative))
    this.#umask = process.umask()
    this.#room = new Room(options.root)
  }

  /** Bytes of file content and inodes written so far. */
  get usage(): { size: number; inodes: number } {
    return { size: this.#size, inodes: this.#inodes }
  }

  entry(header: TarHeader): void {
    const parts = components(header.name)
    const last = parts.at(-1)
    if (last === undefined) {
      if (header.type === 'directory') this.#attributes(this.#paths.root, header)
      return
    }
    if (last.startsWith(WHITEOUT)) {
      this.#whiteout(parts, last)
      return
    }
    this.#room.take(ENTRY_SIZE, header.name)
    const path = this.#paths.entry(parts)
    this.#replace(path, header)
    this.#make(path, header)
  }

  data(chunk: Uint8Array): void {
    if (!this.#file) return
    this.#room.take(chunk.length, this.#file.header.name)
    for (let at = 0; at < chunk.length; ) at += writeSync(this.#file.descriptor, chunk, at)
    this.#size += chunk.length
  }

  done(): void {
    const file = this.#file
    if (!file) return
    this.#file = undefined
    const { descriptor, header, path } = file
    try {
      // chown clears setuid and file capabilities, so it comes first; times come last.
      if (header.uid !== 0 || header.gid !== 0) fchownSync(descriptor, header.uid, header.gid)
      if (needsChmod(header, this.#umask)) fchmodSync(descriptor, header.mode)
      for (const [name, value] of header.xattrs) this.#setXattr(path, name, value)
      futimesSync(descriptor, header.mtime, header.mtime)
    } finally {
      closeSync(descriptor)
    }
  }

  /** After the last entry. */
  finish(): void {
    const byDepth = [...this.#directoryTimes].sort(([a], [b]) => b.length - a.length)
    for (const [path, mtime] of byDepth) {
      if (lstatOrUndefined(path)?.isDirectory()) lutimesSync(path, mtime, mtime)
    }
  }

  /** Closes what is open after a failure. */
  abort(): void {
    if (this.#file) closeSync(this.#file.descriptor)
    this.#file = undefined
  }

  #make(path: string, header: TarHeader): void {
    switch (header.type) {
      case 'file':
        this.#file = { descriptor: openSync(path, CREATE, header.mode & 0o777), header, path }
        this.#inodes++
        return
      case 'directory':
        this.#directory(path, header)
        return
      case 'symlink':
        symlinkSync(header.linkName, path)
        break
      case 'link':
        this.#link(path, header)
        return
      case 'character-device':
        if (header.major === 0 && header.minor === 0) {
          throw new EngineError(
            'invalid_argument',
            `invalid tar entry: "${header.name}" is an overlay whiteout device`,
          )
        }
        this.#kernel.mknod(path, S_IFCHR | header.mode, header.major, header.minor)
        break
      case 'block-device':
        this.#kernel.mknod(path, S_IFBLK | header.mode, header.major, header.minor)
        break
      case 'fifo':
        this.#kernel.mknod(path, S_IFIFO | header.mode, 0, 0)
        break
    }
    this.#inodes++
    this.#attributes(path, header)
  }

  #directory(path: string, header: TarHeader): void {
    if (!lstatOrUndefined(path)) {
      mkdirSync(path, header.mode & 0o777)
      this.#inodes++
      // Under a whiteout of this layer the directory starts empty, whatever the layers below have there.
      if (this.#whiteouts.has(path)) this.#kernel.setXattr(path, OPAQUE_XATTR, YES)
    }
    this.#attributes(path, header)
  }

  #link(path: string, header: TarHeader): void {
    const target = components(header.linkName, 'link target')
    if (target.length === 0)
      throw new EngineError('invalid_argument', `invalid tar entry: "${header.name}" links to the root`)
    const existing = this.#paths.entry(target)
    const info = lstatOrUndefined(existing)
    if (!info) this.#copyUp(existing, header)
    linkSync(existing, path)
  }

  /** A hard link to a file of a layer below: the file comes up first, as overlayfs itself would do. */
  #copyUp(path: string, header: TarHeader): void {
    const below = findBelow(this.#lower, this.#paths.relative(path))
    if (!below?.info.isFile()) {
      throw new EngineError(
        'invalid_argument',
        `invalid tar entry: "${header.name}" links to "${header.linkName}", which does not exist`,
      )
    }
    copyFileSync(below.path, path, fsConstants.COPYFILE_EXCL)
    applyStats(path, below.info)
    this.#size += below.info.size
    this.#inodes++
  }

  /** Owner, mode, xattrs, times of everything but files. */
  #attributes(path: string, header: TarHeader): void {
    if (header.type === 'symlink') {
      if (header.uid !== 0 || header.gid !== 0) lchownSync(path, header.uid, header.gid)
    } else {
      lchownSync(path, header.uid, header.gid)
      chmodSync(path, header.mode)
    }
    for (const [name, value] of header.xattrs) this.#setXattr(path, name, value)
    if (header.type === 'directory') this.#directoryTimes.set(path, header.mtime)
    else lutimesSync(path, header.mtime, header.mtime)
  }

  /** `trusted.overlay.*` would let a layer forge the overlay's own structure. */
  #setXattr(path: string, name: string, value: Uint8Array): void {
    if (name.startsWith('trusted.overlay.') || name.startsWith('user.overlay.')) {
      throw new EngineError(
        'invalid_argument',
        `invalid tar entry: extended attribute ${name} is not allowed`,
      )
    }
    this.#kernel.setXattr(path, name, value)
  }

  /** Clears the way for an entry: later entries of a layer win over earlier ones. */
  #replace(path: string, header: TarHeader): void {
    const info = lstatOrUndefined(path)
    if (!info || (info.isDirectory() && header.type === 'directory')) return
    if (info.isDirectory()) rmSync(path, { recursive: true })
    else unlinkSync(path)
    this.#paths.forget()
  }

  #whiteout(parts: readonly string[], last: string): void {
    const parent = this.#paths.directory(parts.slice(0, -1))
    if (last === OPAQUE) {
      this.#kernel.setXattr(parent, OPAQUE_XATTR, YES)
      return
    }
    // AUFS left its own bookkeeping in old images.
    if (last.startsWith('.wh..wh.')) return
    const name = last.slice(WHITEOUT.length)
    if (name === '' || name === '.' || name === '..') {
      throw new EngineError('invalid_argument', `invalid tar entry: whiteout "${parts.join('/')}"`)
    }
    const path = `${parent}/${name}`
    const info = lstatOrUndefined(path)
    this.#whiteouts.add(path)
    if (info?.isDirectory()) this.#kernel.setXattr(path, OPAQUE_XATTR, YES)
    if (info) return
    this.#kernel.mknod(path, S_IFCHR, 0, 0)
    this.#inodes++
  }

  /** A directory that the layer has no entry for: as it is below, or as mkdir makes it. */
  #impliedParent(path: string, relative: string): void {
    const whiteout = lstatOrUndefined(path)
    if (whiteout) unlinkSync(path)
    mkdirSync(path, 0o755)
    this.#inodes++
    if (whiteout) {
      this.#kernel.setXattr(path, OPAQUE_XATTR, YES)
      return
    }
    const below = findBelow(this.#lower, relative)
    if (!below?.info.isDirectory()) return
    applyStats(path, below.info)
    this.#directoryTimes.set(path, below.info.mtimeMs / 1000)
  }
}

function applyStats(path: string, info: Stats): void {
  lchownSync(path, info.uid, info.gid)
  chmodSync(path, info.mode & 0o7777)
  lutimesSync(path, info.atimeMs / 1000, info.mtimeMs / 1000)
}

function needsChmod(header: TarHeader, umask: number): boolean {
  return header.uid !== 0 || header.gid !== 0 || (header.mode & 0o7000) !== 0 || (header.mode & umask) !== 0
}

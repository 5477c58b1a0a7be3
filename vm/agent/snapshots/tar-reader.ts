/**
 * Tar as a push parser: ustar, PAX (extended and global), GNU long names, base-256 numbers. Synchronous and without
 * copies, because a layer's small files are the bulk of a pull; PAX values stay bytes, because `security.capability`
 * is not text. Formats: POSIX.1-2017 pax, GNU tar manual "Basic Tar Format".
 */
import { EngineError } from '../../api/errors.ts'

export type TarType = 'file' | 'link' | 'symlink' | 'character-device' | 'block-device' | 'directory' | 'fifo'

export interface TarHeader {
  name: string
  type: TarType
  mode: number
  uid: number
  gid: number
  size: number
  /** Seconds since the epoch, with fractions. */
  mtime: number
  linkName: string
  major: number
  minor: number
  xattrs: ReadonlyMap<string, Uint8Array>
}

export interface TarHandler {
  entry(header: TarHeader): void
  /** Content of the entry last announced, in pieces that are only valid during the call. */
  data(chunk: Uint8Array): void
  /** The entry last announced is complete. */
  done(): void
}

const BLOCK = 512
/** Long names and PAX headers; a layer's longest honest one is a few kilobytes. */
const MAX_META = 1024 * 1024
const XATTR = 'SCHILY.xattr.'
const TYPES: Record<string, TarType> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  '1': 'link',
  '2': 'symlink',
  '3': 'character-device',
  '4': 'block-device',
  '5': 'directory',
  '6': 'fifo',
}

type Pax = Map<string, Buffer>
type Meta = { flag: string; chunks: Buffer[] }

export class TarReader {
  readonly #handler: TarHandler
  #partial: Buffer = Buffer.alloc(0)
  /** Content bytes and padding still to come of the current entry. */
  #content = 0
  #padding = 0
  #meta: Meta | undefined
  #global: Pax = new Map()
  #pax: Pax = new Map()
  #longName: string | undefined
  #longLink: string | undefined
  #open = false
  #zeroBlocks = 0

  constructor(handler: TarHandler) {
    this.#handler = handler
  }

  /** Takes the next bytes. data_loss when this is not a tar. */
  push(chunk: Uint8Array): void {
    let bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    if (this.#partial.length > 0) {
      bytes = Buffer.concat([this.#partial, bytes])
      this.#partial = Buffer.alloc(0)
    }
    let at = 0
    while (at < bytes.length) {
      if (this.#content > 0) {
        const piece = bytes.subarray(at, at + this.#content)
        this.#take(piece)
        at += piece.length
      } else if (this.#padding > 0) {
        const count = Math.min(this.#padding, bytes.length - at)
        this.#padding -= count
        at += count
      } else if (this.#zeroBlocks >= 2) {
        return
      } else {
        if (bytes.length - at < BLOCK) {
          this.#partial = Buffer.from(bytes.subarray(at))
          return
        }
        this.#header(bytes.subarray(at, at + BLOCK))
        at += BLOCK
      }
    }
  }

  /** The input is over. data_loss when it ended inside an entry. */
  finish(): void {
    if (this.#content > 0 || this.#partial.length > 0 || this.#meta || this.#open) {
      throw new EngineError('data_loss', 'unexpected EOF')
    }
  }

  #take(piece: Buffer): void {
    this.#content -= piece.length
    if (this.#meta) this.#meta.chunks.push(Buffer.from(piece))
    else this.#handler.data(piece)
    if (this.#content === 0) this.#complete()
  }

  #complete(): void {
    const meta = this.#meta
    if (!meta) {
      this.#open = false
      this.#handler.done()
      return
    }
    this.#meta = undefined
    const bytes = Buffer.concat(meta.chunks)
    if (meta.flag === 'L') this.#longName = text(bytes)
    else if (meta.flag === 'K') this.#longLink = text(bytes)
    else parsePax(bytes, meta.flag === 'g' ? this.#global : this.#pax)
  }

  #header(block: Buffer): void {
    if (block[0] === 0 && block.every((byte) => byte === 0)) {
      this.#zeroBlocks++
      return
    }
    this.#zeroBlocks = 0
    verifyChecksum(block)
    const flag = String.fromCharCode(block[156] ?? 0)
    const size = number(block, 124, 12)
    if ('LKxg'.includes(flag)) {
      if (size > MAX_META) throw broken(`extended header of ${size} bytes`)
      this.#meta = { flag, chunks: [] }
      this.#expect(size)
      if (size === 0) this.#complete()
      return
    }
    const header = this.#entry(block, flag, size)
    this.#pax = new Map()
    this.#longName = undefined
    this.#longLink = undefined
    this.#handler.entry(header)
    this.#open = true
    this.#expect(header.size)
    if (header.size === 0) this.#complete()
  }

  #expect(size: number): void {
    this.#content = size
    this.#padding = (BLOCK - (size % BLOCK)) % BLOCK
  }

  #entry(block: Buffer, flag: string, size: number): TarHeader {
    const pax = (key: string) => this.#pax.get(key) ?? this.#global.get(key)
    const paxText = (key: string) => pax(key)?.toString()
    const paxNumber = (key: string) => {
      const value = paxText(key)
      return value === undefined || !Number.isFinite(Number(value)) ? undefined : Number(value)
    }
    if (flag === 'S' || [...this.#pax.keys()].some((key) => key.startsWith('GNU.sparse.'))) {
      throw new EngineError(
        'invalid_argument',
        `tar: sparse entries are not supported: ${text(block.subarray(0, 100))}`,
      )
    }
    const known = TYPES[flag]
    if (!known) throw new EngineError('invalid_argument', `tar: unhandled entry type ${JSON.stringify(flag)}`)
    const ustar = block.toString('latin1', 257, 262) === 'ustar' && block[262] === 0
    const prefix = ustar ? text(block.subarray(345, 500)) : ''
    const short = text(block.subarray(0, 100))
    const name = paxText('path') ?? this.#longName ?? (prefix === '' ? short : `${prefix}/${short}`)
    const type = known === 'file' && name.endsWith('/') ? 'directory' : known
    const real = type === 'file' ? Math.max(0, paxNumber('size') ?? size) : 0
    return {
      name,
      type,
      mode: number(block, 100, 8) & 0o7777,
      uid: paxNumber('uid') ?? number(block, 108, 8),
      gid: paxNumber('gid') ?? number(block, 116, 8),
      size: real,
      mtime: paxNumber('mtime') ?? number(block, 136, 12),
      linkName: paxText('linkpath') ?? this.#longLink ?? text(block.subarray(157, 257)),
      major: number(block, 329, 8),
      minor: number(block, 337, 8),
      xattrs: xattrsOf(this.#pax),
    }
  }
}

const NO_XATTRS: ReadonlyMap<string, Uint8Array> = new Map()

function xattrsOf(pax: Pax): ReadonlyMap<string, Uint8Array> {
  if (pax.size === 0) return NO_XATTRS
  return new Map(
    [...pax].filter(([key]) => key.startsWith(XATTR)).map(([key, value]) => [key.slice(XATTR.length), value]),
  )
}

/** Records `<length> <key>=<value>\n`, length in decimal and counting itself. An empty value unsets. */
function parsePax(bytes: Buffer, into: Pax): void {
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at)
    const length = Number(bytes.toString('latin1', at, Math.max(space, at)))
    if (
      !Number.isInteger(length) ||
      length < 5 ||
      at + length > bytes.length ||
      bytes[at + length - 1] !== 0x0a
    ) {
      throw broken('invalid PAX record')
    }
    const equals = bytes.indexOf(0x3d, space)
    if (equals < 0 || equals >= at + length) throw broken('invalid PAX record')
    const key = bytes.toString('utf8', space + 1, equals)
    const value = bytes.subarray(equals + 1, at + length - 1)
    if (value.length === 0 && !key.startsWith(XATTR)) into.delete(key)
    else into.set(key, value)
    at += length
  }
}

/** The sum of all bytes with the checksum field as spaces; old tars summed signed bytes. */
function verifyChecksum(block: Buffer): void {
  const stored = number(block, 148, 8)
  let unsigned = 8 * 0x20
  for (let i = 0; i < BLOCK; i++) if (i < 148 || i >= 156) unsigned += block[i] ?? 0
  if (unsigned === stored) return
  let signed = 8 * 0x20
  for (let i = 0; i < BLOCK; i++) if (i < 148 || i >= 156) signed += ((block[i] ?? 0) << 24) >> 24
  if (signed !== stored) throw broken('invalid tar header')
}

/** Octal digits, or base 256 when the top bit is set (GNU). */
function number(block: Buffer, start: number, length: number): number {
  const first = block[start] ?? 0
  if (first & 0x80) {
    const negative = (first & 0x40) !== 0
    let value = negative ? (first & 0x7f) - 0x80 : first & 0x7f
    for (let i = start + 1; i < start + length; i++) value = value * 256 + (block[i] ?? 0)
    return value
  }
  let value = 0
  let i = start
  while (i < start + length && block[i] === 0x20) i++
  for (; i < start + length; i++) {
    const digit = (block[i] ?? 0) - 0x30
    if (digit < 0 || digit > 7) break
    value = value * 8 + digit
  }
  return value
}

function text(bytes: Buffer): string {
  const end = bytes.indexOf(0)
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end)
}

function broken(what: string): EngineError {
  return new EngineError('data_loss', `archive/tar: ${what}`)
}

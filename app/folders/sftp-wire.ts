/**
 * The packets of SFTP version 3 (draft-ietf-secsh-filexfer-02), as sshfs and OpenSSH speak it: numbers, framing, reading
 * and writing. ssh2 has a server half too, but it can offer none of the extensions that a mounted file system needs
 * (rename over what is there, hard links, sizes of the disk), and names that are not ASCII go through it twice. Pure.
 */

export const Packet = {
  INIT: 1,
  VERSION: 2,
  OPEN: 3,
  CLOSE: 4,
  READ: 5,
  WRITE: 6,
  LSTAT: 7,
  FSTAT: 8,
  SETSTAT: 9,
  FSETSTAT: 10,
  OPENDIR: 11,
  READDIR: 12,
  REMOVE: 13,
  MKDIR: 14,
  RMDIR: 15,
  REALPATH: 16,
  STAT: 17,
  RENAME: 18,
  READLINK: 19,
  SYMLINK: 20,
  STATUS: 101,
  HANDLE: 102,
  DATA: 103,
  NAME: 104,
  ATTRS: 105,
  EXTENDED: 200,
  EXTENDED_REPLY: 201,
} as const

export const Status = {
  OK: 0,
  EOF: 1,
  NO_SUCH_FILE: 2,
  PERMISSION_DENIED: 3,
  FAILURE: 4,
  BAD_MESSAGE: 5,
  OP_UNSUPPORTED: 8,
  /** Later than version 3; whoever does not know it takes it for an input/output error, which is what is wanted. */
  NO_SPACE: 14,
} as const

export const OpenFlag = { READ: 1, WRITE: 2, APPEND: 4, CREAT: 8, TRUNC: 16, EXCL: 32 } as const

export const VERSION = 3
/** Offered with VERSION, and understood. */
export const EXTENSIONS: readonly (readonly [name: string, version: string])[] = [
  ['posix-rename@openssh.com', '1'],
  ['statvfs@openssh.com', '2'],
  ['hardlink@openssh.com', '1'],
  ['fsync@openssh.com', '1'],
]

/** A file's attributes; what is absent is not told or not changed. Times in seconds. */
export interface Attributes {
  readonly size?: number
  readonly owner?: { readonly uid: number; readonly gid: number }
  /** With the bits of the file's type. */
  readonly mode?: number
  readonly times?: { readonly atime: number; readonly mtime: number }
}

const SIZE = 1
const OWNER = 2
const MODE = 4
const TIMES = 8
const EXTENDED = 0x80000000

/** A packet that ends before its fields do, or is longer than any may be. */
export class MalformedPacket extends Error {
  override readonly name = 'MalformedPacket'
}

/** More than sshfs and OpenSSH ever send: 64 or 255 KiB of data and what is around it. */
const MAX_PACKET = 300 * 1024

/** Cuts a byte stream into packets, without their length. */
export class PacketSplitter {
  #chunks: Buffer[] = []
  #length = 0

  /** The packets that this chunk completes. Throws MalformedPacket. */
  push(chunk: Buffer): Buffer[] {
    this.#chunks.push(chunk)
    this.#length += chunk.length
    const packets: Buffer[] = []
    for (let packet = this.#next(); packet; packet = this.#next()) packets.push(packet)
    return packets
  }

  #next(): Buffer | undefined {
    if (this.#length < 5) return undefined
    const length = this.#head(4).readUInt32BE()
    if (length === 0 || length > MAX_PACKET) throw new MalformedPacket(`a packet of ${length} bytes`)
    if (this.#length < 4 + length) return undefined
    const whole = this.#head(4 + length)
    const [first = whole] = this.#chunks
    this.#chunks[0] = first.subarray(4 + length)
    this.#length -= 4 + length
    if (this.#chunks[0].length === 0) this.#chunks.shift()
    return whole.subarray(4, 4 + length)
  }

  /** Puts at least so many bytes into the first chunk. */
  #head(size: number): Buffer {
    const [first = Buffer.alloc(0)] = this.#chunks
    if (first.length >= size) return first
    const joined = Buffer.concat(this.#chunks)
    this.#chunks = [joined]
    return joined
  }
}

/** Reads one packet's fields in their order; each method throws MalformedPacket at the packet's end. */
export class PacketReader {
  readonly #packet: Buffer
  #at = 0

  constructor(packet: Buffer) {
    this.#packet = packet
  }

  byte(): number {
    return this.#take(1).readUInt8()
  }

  uint32(): number {
    return this.#take(4).readUInt32BE()
  }

  /** Files are smaller than 2^53 bytes. */
  uint64(): number {
    const value = this.#take(8).readBigUInt64BE()
    if (value > Number.MAX_SAFE_INTEGER) throw new MalformedPacket(`a number of ${value}`)
    return Number(value)
  }

  /** A view of the packet, not a copy. */
  bytes(): Buffer {
    return this.#take(this.uint32())
  }

  text(): string {
    return this.bytes().toString('utf8')
  }

  attributes(): Attributes {
    const flags = this.uint32()
    const size = flags & SIZE ? { size: this.uint64() } : {}
    const owner = flags & OWNER ? { owner: { uid: this.uint32(), gid: this.uint32() } } : {}
    const mode = flags & MODE ? { mode: this.uint32() } : {}
    const times = flags & TIMES ? { times: { atime: this.uint32(), mtime: this.uint32() } } : {}
    if ((flags & EXTENDED) !== 0)
      for (let pairs = this.uint32(); pairs > 0; pairs--) void [this.bytes(), this.bytes()]
    return { ...size, ...owner, ...mode, ...times }
  }

  #take(size: number): Buffer {
    const end = this.#at + size
    if (end > this.#packet.length) throw new MalformedPacket('a packet that ends too early')
    const part = this.#packet.subarray(this.#at, end)
    this.#at = end
    return part
  }
}

/** Length, type and id, before a DATA packet's own length and its bytes. */
export const DATA_HEADER = 13

/** Fills in what stands before the `size` bytes of a DATA packet that were read into `packet` behind its header. */
export function dataPacket(packet: Buffer, id: number, size: number): Buffer {
  packet.writeUInt32BE(DATA_HEADER - 4 + size, 0)
  packet.writeUInt8(Packet.DATA, 4)
  packet.writeUInt32BE(id, 5)
  packet.writeUInt32BE(size, 9)
  return packet.subarray(0, DATA_HEADER + size)
}

/** Builds one packet. */
export class PacketWriter {
  readonly #parts: Buffer[] = []
  #length = 1

  constructor(type: number) {
    this.#parts.push(Buffer.from([0, 0, 0, 0, type]))
  }

  uint32(...values: number[]): this {
    const part = Buffer.allocUnsafe(4 * values.length)
    for (const [index, value] of values.entries()) part.writeUInt32BE(value >>> 0, 4 * index)
    return this.#add(part)
  }

  uint64(...values: (number | bigint)[]): this {
    const part = Buffer.allocUnsafe(8 * values.length)
    for (const [index, value] of values.entries()) part.writeBigUInt64BE(BigInt(value), 8 * index)
    return this.#add(part)
  }

  text(...values: string[]): this {
    for (const value of values) {
      const bytes = Buffer.from(value)
      this.uint32(bytes.length)
      this.#add(bytes)
    }
    return this
  }

  attributes({ size, owner, mode, times }: Attributes): this {
    this.uint32(
      (size === undefined ? 0 : SIZE) |
        (owner ? OWNER : 0) |
        (mode === undefined ? 0 : MODE) |
        (times ? TIMES : 0),
    )
    if (size !== undefined) this.uint64(size)
    if (owner) this.uint32(owner.uid, owner.gid)
    if (mode !== undefined) this.uint32(mode)
    if (times) this.uint32(times.atime, times.mtime)
    return this
  }

  end(): Buffer {
    this.#parts[0]?.writeUInt32BE(this.#length)
    return Buffer.concat(this.#parts)
  }

  #add(part: Buffer): this {
    this.#parts.push(part)
    this.#length += part.length
    return this
  }
}

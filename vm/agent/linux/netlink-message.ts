/** Encoding and decoding of netlink messages (netlink(7)); pure. Headers are native-endian: all our targets are little-endian. */

/** nlmsg_flags. */
export const NlmFlag = {
  REQUEST: 0x001,
  ACK: 0x004,
  REPLACE: 0x100,
  EXCL: 0x200,
  CREATE: 0x400,
  APPEND: 0x800,
  DUMP: 0x300,
} as const

export const NLMSG_ERROR = 2
export const NLMSG_DONE = 3
const HEADER = 16

export interface Message {
  type: number
  flags: number
  /** Family header (ifinfomsg, ifaddrmsg, …) and attributes. */
  payload: Buffer
  /** For error messages: `add link br-1`. */
  subject: string
}

/** One attribute, padded to 4 bytes. */
export function attribute(type: number, value: Uint8Array): Buffer {
  const bytes = Buffer.alloc(align(4 + value.length))
  bytes.writeUInt16LE(4 + value.length, 0)
  bytes.writeUInt16LE(type, 2)
  bytes.set(value, 4)
  return bytes
}

/** NLA_F_NESTED attribute. */
export function nested(type: number, ...attributes: Buffer[]): Buffer {
  return attribute(type | 0x8000, Buffer.concat(attributes))
}

/** Attribute with a NUL-terminated string. */
export function stringAttribute(type: number, value: string): Buffer {
  return attribute(type, Buffer.from(`${value}\0`))
}

/** Attribute with a native-endian u32. */
export function u32Attribute(type: number, value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value >>> 0)
  return attribute(type, bytes)
}

/** Attribute with a big-endian u32, as nf_tables wants its integers. */
export function be32Attribute(type: number, value: number): Buffer {
  return attribute(type, be32(value))
}

export function be32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value >>> 0)
  return bytes
}

export function u8Attribute(type: number, value: number): Buffer {
  return attribute(type, Buffer.from([value]))
}

/** The whole message as it goes over the socket. */
export function encodeMessage(message: Message, sequence: number): Buffer {
  const header = Buffer.alloc(HEADER)
  header.writeUInt32LE(HEADER + message.payload.length, 0)
  header.writeUInt16LE(message.type, 4)
  header.writeUInt16LE(message.flags, 6)
  header.writeUInt32LE(sequence, 8)
  return Buffer.concat([
    header,
    message.payload,
    Buffer.alloc(align(message.payload.length) - message.payload.length),
  ])
}

export interface Reply {
  type: number
  sequence: number
  payload: Buffer
}

/** Splits one datagram into its messages. */
export function decodeMessages(datagram: Buffer): Reply[] {
  const replies: Reply[] = []
  let at = 0
  while (at + HEADER <= datagram.length) {
    const length = datagram.readUInt32LE(at)
    if (length < HEADER || at + length > datagram.length) break
    replies.push({
      type: datagram.readUInt16LE(at + 4),
      sequence: datagram.readUInt32LE(at + 8),
      payload: datagram.subarray(at + HEADER, at + length),
    })
    at += align(length)
  }
  return replies
}

/** Attributes by type; of a repeated type the last one. */
export function decodeAttributes(payload: Buffer, offset: number): Map<number, Buffer> {
  const attributes = new Map<number, Buffer>()
  let at = offset
  while (at + 4 <= payload.length) {
    const length = payload.readUInt16LE(at)
    if (length < 4 || at + length > payload.length) break
    attributes.set(payload.readUInt16LE(at + 2) & 0x3fff, payload.subarray(at + 4, at + length))
    at += align(length)
  }
  return attributes
}

/** errno (0 = acknowledged) and the kernel's own words, if it has any, out of an NLMSG_ERROR. */
export function decodeError(payload: Buffer): { errno: number; text: string | undefined } {
  const errno = 0 - payload.readInt32LE(0)
  // NETLINK_CAP_ACK leaves only the header of our own message in front of the extended attributes.
  const text = decodeAttributes(payload, 4 + HEADER).get(1)
  return { errno, text: errno === 0 ? undefined : text?.toString('utf8').replace(/\0.*$/, '') }
}

function align(length: number): number {
  return (length + 3) & ~3
}

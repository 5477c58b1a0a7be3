/** Tar headers as bytes: ustar where it fits, PAX records where it does not (long names, xattrs, big numbers, fractions). */
import type { TarHeader, TarType } from './tar-reader.ts'

const BLOCK = 512
const FLAGS: Record<TarType, string> = {
  file: '0',
  link: '1',
  symlink: '2',
  'character-device': '3',
  'block-device': '4',
  directory: '5',
  fifo: '6',
}
const MAX_SIZE = 0o77777777777
const MAX_ID = 0o7777777

/** The end of an archive. */
export const TAR_END: Buffer = Buffer.alloc(2 * BLOCK)

/** The header of an entry; `size` bytes of content and `tarPadding(size)` must follow. */
export function tarHeader(header: TarHeader): Buffer {
  const records = paxRecords(header)
  const block = ustar(header, Buffer.from(header.name), FLAGS[header.type], header.size)
  if (records.length === 0) return block
  const body = Buffer.concat(records)
  const plain = { ...header, mode: 0o644, uid: 0, gid: 0, mtime: 0, linkName: '', major: 0, minor: 0 }
  const extended = ustar(plain, Buffer.from('PaxHeaders.0/x'), 'x', body.length)
  return Buffer.concat([extended, body, tarPadding(body.length), block])
}

/** Zeros up to the next block. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK)
}

function paxRecords(header: TarHeader): Buffer[] {
  const records: Buffer[] = []
  const add = (key: string, value: string | Uint8Array) => records.push(paxRecord(key, Buffer.from(value)))
  if (Buffer.byteLength(header.name) > 100) add('path', header.name)
  if (Buffer.byteLength(header.linkName) > 100) add('linkpath', header.linkName)
  if (header.size > MAX_SIZE) add('size', String(header.size))
  if (header.uid > MAX_ID) add('uid', String(header.uid))
  if (header.gid > MAX_ID) add('gid', String(header.gid))
  if (header.mtime < 0 || header.mtime > MAX_SIZE) add('mtime', String(header.mtime))
  for (const [key, value] of header.xattrs) add(`SCHILY.xattr.${key}`, value)
  return records
}

function paxRecord(key: string, value: Buffer): Buffer {
  const rest = Buffer.byteLength(key) + value.length + 3
  let length = rest + String(rest).length
  if (String(length).length !== String(rest).length) length = rest + String(length).length
  return Buffer.concat([Buffer.from(`${length} ${key}=`), value, Buffer.from('\n')])
}

function ustar(header: TarHeader, name: Buffer, flag: string, size: number): Buffer {
  const block = Buffer.alloc(BLOCK)
  name.copy(block, 0, 0, 100)
  octal(block, 100, 8, header.mode & 0o7777)
  octal(block, 108, 8, header.uid > MAX_ID ? 0 : header.uid)
  octal(block, 116, 8, header.gid > MAX_ID ? 0 : header.gid)
  octal(block, 124, 12, size > MAX_SIZE ? 0 : size)
  octal(block, 136, 12, header.mtime < 0 || header.mtime > MAX_SIZE ? 0 : Math.floor(header.mtime))
  block.fill(0x20, 148, 156)
  block.write(flag, 156, 'latin1')
  Buffer.from(header.linkName).copy(block, 157, 0, 100)
  block.write('ustar\u000000', 257, 'latin1')
  octal(block, 329, 8, header.major)
  octal(block, 337, 8, header.minor)
  let sum = 0
  for (const byte of block) sum += byte
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return block
}

function octal(block: Buffer, at: number, length: number, value: number): void {
  block.write(value.toString(8).padStart(length - 1, '0'), at, 'latin1')
}

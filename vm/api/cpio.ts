/**
 * A writer of cpio archives in the `newc` format that the Linux kernel unpacks as an initramfs
 * (https://docs.kernel.org/driver-api/early-userspace/buffer-format.html). Pure: no clock, no file system, so the same
 * entries always give the same bytes.
 */

export interface CpioEntry {
  /** Path inside the archive; a leading slash is dropped. Parents that no entry names become directories of mode 0755. */
  readonly path: string
  /** Permission bits; the file type is added: a directory without `data`, a symbolic link with `link`, else a file. */
  readonly mode: number
  readonly data?: Uint8Array | string
  /** Target of a symbolic link. */
  readonly link?: string
}

const DIRECTORY = 0o040000
const FILE = 0o100000
const SYMLINK = 0o120000
const MAX_FILE = 0xffff_ffff

interface Member {
  name: string
  mode: number
  data: Uint8Array
}

/**
 * The archive of `entries`, parents first, everything owned by root and dated 1970. Its length is a multiple of 4, so
 * archives can be concatenated: the kernel unpacks each in turn and later ones add to or replace what came before.
 * Throws RangeError for an empty path, one with `..`, one named twice, or a file of 4 GiB or more.
 */
export function cpioArchive(entries: readonly CpioEntry[]): Uint8Array<ArrayBuffer> {
  const members = withParents(entries)
  const trailer: Member = { name: 'TRAILER!!!', mode: 0, data: new Uint8Array(0) }
  const all = [...members, trailer]
  const archive = new Uint8Array(all.reduce((size, member) => size + memberSize(member), 0))
  let offset = 0
  for (const [index, member] of all.entries()) {
    archive.set(header(member, member === trailer ? 0 : index + 1), offset)
    archive.set(member.data, offset + headerSize(member))
    offset += memberSize(member)
  }
  return archive
}

function withParents(entries: readonly CpioEntry[]): Member[] {
  const members = new Map<string, Member>()
  const given = new Map<string, CpioEntry>()
  for (const entry of entries) {
    const name = cleanPath(entry.path)
    if (given.has(name)) throw new RangeError(`cpio entry ${entry.path}: named twice`)
    given.set(name, entry)
  }
  for (const [name, entry] of given) {
    const parts = name.split('/')
    for (let depth = 1; depth < parts.length; depth++) {
      const parent = parts.slice(0, depth).join('/')
      if (members.has(parent)) continue
      const named = given.get(parent)
      members.set(parent, named ? toMember(parent, named) : toMember(parent, { path: parent, mode: 0o755 }))
    }
    if (!members.has(name)) members.set(name, toMember(name, entry))
  }
  return [...members.values()]
}

function cleanPath(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.length === 0 || parts.includes('..'))
    throw new RangeError(`cpio entry "${path}": not a path inside the archive`)
  return parts.join('/')
}

function toMember(name: string, entry: CpioEntry): Member {
  const encoder = new TextEncoder()
  if (entry.link !== undefined) return { name, mode: SYMLINK | 0o777, data: encoder.encode(entry.link) }
  if (entry.data === undefined) return { name, mode: DIRECTORY | entry.mode, data: new Uint8Array(0) }
  const data = typeof entry.data === 'string' ? encoder.encode(entry.data) : entry.data
  if (data.length > MAX_FILE)
    throw new RangeError(`cpio entry ${entry.path}: ${data.length} bytes do not fit the format`)
  return { name, mode: FILE | entry.mode, data }
}

/** 13 fields of 8 hex digits after the magic, then the name and a NUL, padded to 4 bytes. */
function header({ name, mode, data }: Member, inode: number): Uint8Array {
  const nameSize = new TextEncoder().encode(name).length + 1
  const links = (mode & 0o170000) === DIRECTORY ? 2 : 1
  const fields = [inode, mode, 0, 0, links, 0, data.length, 0, 0, 0, 0, nameSize, 0]
  const text = `070701${fields.map((field) => field.toString(16).toUpperCase().padStart(8, '0')).join('')}${name}\0`
  return new TextEncoder().encode(text)
}

const pad4 = (size: number): number => (size + 3) & ~3
const headerSize = ({ name }: Member): number => pad4(110 + new TextEncoder().encode(name).length + 1)
const memberSize = (member: Member): number => headerSize(member) + Math.ceil(member.data.length / 4) * 4

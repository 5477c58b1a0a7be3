/** The little that the recipe must know of 64-bit little-endian ELF files; works for any machine type on any host. */

interface Section {
  name: string
  offset: number
  size: number
  link: number
}

/** True for a 64-bit little-endian ELF file, the only kind that the recipe's architectures have. */
export function isElf(file: Buffer): boolean {
  return file.length > 64 && file.readUInt32BE(0) === 0x7f454c46 && file[4] === 2 && file[5] === 1
}

/** Names of the shared libraries that the file asks the loader for (DT_NEEDED); none for a static one. */
export function neededLibraries(file: Buffer): string[] {
  const all = sections(file)
  const dynamic = all.find((section) => section.name === '.dynamic')
  const strings = dynamic && all[dynamic.link]
  if (!dynamic || !strings) return []
  const names: string[] = []
  for (let at = dynamic.offset; at + 16 <= dynamic.offset + dynamic.size; at += 16) {
    if (file.readBigUInt64LE(at) !== 1n) continue
    names.push(cString(file, strings.offset + Number(file.readBigUInt64LE(at + 8))))
  }
  return names
}

/** The `key=value` strings of a kernel module's .modinfo, in order. */
export function moduleInfo(file: Buffer): [key: string, value: string][] {
  const section = sections(file).find(({ name }) => name === '.modinfo')
  if (!section) return []
  const text = file.toString('latin1', section.offset, section.offset + section.size)
  return text
    .split('\0')
    .filter((line) => line.includes('='))
    .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)])
}

/** The file without what is never loaded (section headers, symbols, debug data); only the program segments remain. */
export function stripToSegments(file: Buffer): Buffer {
  const headers = Number(file.readBigUInt64LE(32))
  const count = file.readUInt16LE(56)
  let end = headers + count * 56
  for (let index = 0; index < count; index++) {
    const at = headers + index * 56
    end = Math.max(end, Number(file.readBigUInt64LE(at + 8)) + Number(file.readBigUInt64LE(at + 32)))
  }
  const stripped = Buffer.from(file.subarray(0, end))
  stripped.writeBigUInt64LE(0n, 40)
  stripped.fill(0, 58, 64)
  return stripped
}

function sections(file: Buffer): Section[] {
  const start = Number(file.readBigUInt64LE(40))
  const count = file.readUInt16LE(60)
  const raw = Array.from({ length: count }, (_, index) => {
    const at = start + index * 64
    return {
      nameAt: file.readUInt32LE(at),
      offset: Number(file.readBigUInt64LE(at + 24)),
      size: Number(file.readBigUInt64LE(at + 32)),
      link: file.readUInt32LE(at + 40),
    }
  })
  const names = raw[file.readUInt16LE(62)]
  if (!names) return []
  return raw.map(({ nameAt, ...section }) => ({ ...section, name: cString(file, names.offset + nameAt) }))
}

function cString(file: Buffer, at: number): string {
  return file.toString('latin1', at, file.indexOf(0, at))
}

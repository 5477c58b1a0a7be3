/** Writes tar archives (POSIX ustar with pax records for long names) without copying the files' bytes. Pure. */

export interface TarEntry {
  /** Path inside the archive, with `/`; a trailing one makes a folder. */
  name: string
  data?: Blob
  /** Milliseconds since the epoch. */
  time?: number
  mode?: number
}

const BLOCK = 512

export function tarFiles(entries: readonly TarEntry[]): Blob {
  const parts: BlobPart[] = []
  for (const entry of entries) {
    const size = entry.data?.size ?? 0
    if (new TextEncoder().encode(entry.name).length > 100 || size > 0o77777777777)
      parts.push(...pax(entry, size))
    parts.push(header(entry, size, entry.name.endsWith('/') ? '5' : '0'))
    if (entry.data) parts.push(entry.data, padding(size))
  }
  parts.push(new Uint8Array(BLOCK * 2))
  return new Blob(parts)
}

function pax(entry: TarEntry, size: number): BlobPart[] {
  const body = new TextEncoder().encode(record('path', entry.name) + record('size', String(size)))
  return [header({ name: 'PaxHeader' }, body.length, 'x'), body, padding(body.length)]
}

/** `<length> key=value\n`, where the length counts itself. */
function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`
  const bytes = new TextEncoder().encode(rest).length
  let length = bytes + String(bytes).length
  if (String(length).length + bytes !== length) length = bytes + String(length).length
  return `${length}${rest}`
}

function padding(size: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK)
}

function header({ name, time = 0, mode }: TarEntry, size: number, type: string): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(BLOCK)
  const put = (text: string, at: number, length: number): void => {
    block.set(new TextEncoder().encode(text).subarray(0, length), at)
  }
  const octal = (value: number, at: number, length: number): void =>
    put(`${value.toString(8).padStart(length - 1, '0')}\0`, at, length)
  put(name, 0, 100)
  octal(mode ?? (type === '5' ? 0o755 : 0o644), 100, 8)
  octal(0, 108, 8)
  octal(0, 116, 8)
  octal(Math.min(size, 0o77777777777), 124, 12)
  octal(Math.floor(time / 1000), 136, 12)
  put('        ', 148, 8)
  put(type, 156, 1)
  put('ustar\x0000', 257, 8)
  const sum = block.reduce((total, byte) => total + byte, 0)
  put(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 8)
  return block
}

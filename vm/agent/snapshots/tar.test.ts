import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { type TarHeader, TarReader } from './tar-reader.ts'
import { TAR_END, tarHeader, tarPadding } from './tar-writer.ts'

const PLAIN: TarHeader = {
  name: 'a',
  type: 'file',
  mode: 0o644,
  uid: 1,
  gid: 2,
  size: 0,
  mtime: 1_700_000_000,
  linkName: '',
  major: 0,
  minor: 0,
  xattrs: new Map(),
}

function read(archive: Buffer, chunk: number): { header: TarHeader; content: string }[] {
  const entries: { header: TarHeader; content: string }[] = []
  const reader = new TarReader({
    entry: (header) => entries.push({ header, content: '' }),
    data: (bytes) => {
      const entry = entries.at(-1)
      if (entry) entry.content += Buffer.from(bytes).toString()
    },
    done: () => undefined,
  })
  for (let at = 0; at < archive.length; at += chunk) reader.push(archive.subarray(at, at + chunk))
  reader.finish()
  return entries
}

describe('tar', () => {
  it.each([1, 511, 512, 513, 1 << 20])('reads what it wrote, in pieces of %i bytes', (chunk) => {
    const content = 'x'.repeat(700)
    const headers: TarHeader[] = [
      { ...PLAIN, name: 'dir/', type: 'directory', mode: 0o1777 },
      { ...PLAIN, name: `dir/${'long/'.repeat(60)}é`, size: content.length },
      { ...PLAIN, name: 'big-ids', uid: 4_000_000_000, gid: 3_000_000 },
      { ...PLAIN, name: 'link', type: 'symlink', linkName: 'l'.repeat(200) },
      { ...PLAIN, name: 'null', type: 'character-device', major: 1, minor: 3 },
      // File capabilities are bytes, not text.
      {
        ...PLAIN,
        name: 'ping',
        xattrs: new Map([['security.capability', Buffer.from([1, 0, 0, 2, 0, 0x20, 0xff, 0x80])]]),
      },
    ]
    const parts = headers.flatMap((header) => [
      tarHeader(header),
      Buffer.from(content.slice(0, header.size)),
      tarPadding(header.size),
    ])
    const entries = read(Buffer.concat([...parts, TAR_END]), chunk)
    const bytes = (header: TarHeader) => ({
      ...header,
      xattrs: [...header.xattrs].map(([name, value]) => [name, Buffer.from(value).toString('hex')]),
    })
    expect(entries.map(({ header }) => bytes(header))).toEqual(headers.map(bytes))
    expect(entries[1]?.content).toBe(content)
  })

  it.each(['gnu', 'pax', 'ustar', 'v7'])('reads what tar writes in format %s', (format) => {
    const archive = execFileSync('tar', [`--format=${format}`, '-c', '-C', '/etc', 'hostname'])
    const [entry] = read(archive, 1000)
    expect(entry?.header).toMatchObject({ name: 'hostname', type: 'file' })
    expect(entry?.content).toBe(execFileSync('cat', ['/etc/hostname']).toString())
  })

  it('says what is no tar and what ends early', () => {
    expect(() => read(Buffer.alloc(1024, 'x'), 1024)).toThrow('archive/tar: invalid tar header')
    const archive = Buffer.concat([tarHeader({ ...PLAIN, size: 100 }), Buffer.alloc(50)])
    expect(() => read(archive, 1024)).toThrow(/^unexpected EOF$/)
  })
})

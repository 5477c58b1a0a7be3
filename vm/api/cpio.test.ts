import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { cpioArchive } from './cpio.ts'

interface Read {
  name: string
  mode: number
  data: string
}

/** Reads archives back the way the kernel does: one after the other, each ended by its trailer. */
function read(archive: Uint8Array): Read[] {
  const text = Buffer.from(archive)
  const found: Read[] = []
  for (let at = 0; at < text.length; ) {
    expect(text.toString('latin1', at, at + 6)).toBe('070701')
    const field = (index: number) =>
      Number.parseInt(text.toString('latin1', at + 6 + index * 8, at + 14 + index * 8), 16)
    const nameSize = field(11)
    const name = text.toString('utf8', at + 110, at + 110 + nameSize - 1)
    const start = (at + 110 + nameSize + 3) & ~3
    if (name !== 'TRAILER!!!')
      found.push({ name, mode: field(1), data: text.toString('utf8', start, start + field(6)) })
    at = (start + field(6) + 3) & ~3
  }
  return found
}

test('writes parents before what is in them, once, and keeps modes that were asked for', () => {
  const archive = cpioArchive([
    { path: '/slipway/seed/key', mode: 0o600, data: 'secret' },
    { path: 'slipway/seed', mode: 0o700 },
    { path: 'slipway/agent/main.js', mode: 0o644, data: new Uint8Array([0x68, 0x69]) },
    { path: 'bin/sh', mode: 0o777, link: 'busybox' },
  ])
  expect(read(archive)).toEqual([
    { name: 'slipway', mode: 0o040755, data: '' },
    { name: 'slipway/seed', mode: 0o040700, data: '' },
    { name: 'slipway/seed/key', mode: 0o100600, data: 'secret' },
    { name: 'slipway/agent', mode: 0o040755, data: '' },
    { name: 'slipway/agent/main.js', mode: 0o100644, data: 'hi' },
    { name: 'bin', mode: 0o040755, data: '' },
    { name: 'bin/sh', mode: 0o120777, data: 'busybox' },
  ])
})

test('is aligned, so that archives can be concatenated', () => {
  const parts = ['', 'a', 'ab', 'abc', 'abcd'].map((data, index) =>
    cpioArchive([{ path: `${'f'.repeat(index + 1)}`, mode: 0o644, data }]),
  )
  for (const part of parts) expect(part.length % 4).toBe(0)
  expect(read(Buffer.concat(parts)).map(({ data }) => data)).toEqual(['', 'a', 'ab', 'abc', 'abcd'])
})

test('is what the cpio of busybox or GNU reads too, where one is installed', ({ skip }) => {
  const archive = cpioArchive([{ path: 'a/한글', mode: 0o644, data: 'x'.repeat(5) }])
  let listing: string
  try {
    listing = execFileSync('cpio', ['-t', '--quiet'], { input: archive, encoding: 'utf8' })
  } catch {
    return skip()
  }
  expect(listing.split('\n').slice(0, 2)).toEqual(['a', 'a/한글'])
})

test.each(['', '/', '../x', 'a/../b'])('refuses the path %j', (path) => {
  expect(() => cpioArchive([{ path, mode: 0o644, data: '' }])).toThrow(RangeError)
})

test('refuses an entry that is named twice', () => {
  const entry = { path: 'a', mode: 0o644, data: '' }
  expect(() => cpioArchive([entry, { ...entry, path: '/a' }])).toThrow('named twice')
})

import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LayerWriter } from './apply.ts'
import type { TarHeader } from './tar-reader.ts'

const uid = process.getuid?.() ?? 0
const gid = process.getgid?.() ?? 0

let folder: string
let upper: string
let lower: string
let calls: string[]
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'apply-'))
  upper = join(folder, 'upper')
  lower = join(folder, 'lower')
  calls = []
  for (const path of [upper, lower, join(folder, 'outside')]) mkdirSync(path)
  writeFileSync(join(folder, 'outside', 'secret'), 'secret')
})
afterEach(() => rm(folder, { recursive: true }))

type Entry = Partial<TarHeader> & { name: string; data?: string }

function apply(...entries: Entry[]): void {
  const kernel = {
    mknod: (path: string) => void calls.push(`mknod ${path.slice(upper.length)}`),
    setXattr: (path: string, name: string) => void calls.push(`${name} ${path.slice(upper.length)}`),
  }
  const writer = new LayerWriter({ kernel, root: upper, lower: [lower] })
  for (const { data, ...given } of entries) {
    writer.entry(header(given))
    if (data !== undefined) writer.data(Buffer.from(data))
    writer.done()
  }
  writer.finish()
}

function header(given: Partial<TarHeader> & { name: string }): TarHeader {
  const type = given.name.endsWith('/') ? 'directory' : 'file'
  return {
    type,
    mode: type === 'directory' ? 0o755 : 0o644,
    uid,
    gid,
    size: 0,
    mtime: 1_700_000_000,
    linkName: '',
    major: 0,
    minor: 0,
    xattrs: new Map(),
    ...given,
  }
}

const link = (name: string, linkName: string): Entry => ({ name, type: 'symlink', linkName })
const text = (path: string) => readFileSync(join(upper, path), 'utf8')

describe('paths of a layer', () => {
  it('follows an absolute link of the layer from the root of the layer', () => {
    apply(link('out', join(folder, 'outside')), { name: 'out/file', data: 'in' })
    expect(text(join(folder, 'outside', 'file'))).toBe('in')
    expect(readlinkSync(join(upper, 'out'))).toBe(join(folder, 'outside'))
    expect(existsSync(join(folder, 'outside', 'file'))).toBe(false)
  })

  it('stops .. of a link at the root', () => {
    apply(link('up', '../../../..'), { name: 'up/file', data: 'in' }, { name: 'up/deep/file', data: 'deep' })
    expect([text('file'), text('deep/file')]).toEqual(['in', 'deep'])
  })

  it('follows chains of links, and refuses loops', () => {
    apply({ name: 'usr/lib/' }, link('lib', 'usr/lib'), link('alias', '/lib/../lib'), {
      name: 'alias/x',
      data: 'x',
    })
    expect(text('usr/lib/x')).toBe('x')
    expect(() => apply(link('a', 'b'), link('b', 'a'), { name: 'a/x' })).toThrow('too many links in "a"')
  })

  it('looks again where a directory became a link', () => {
    apply({ name: 'd/x', data: 'old' }, link('d', '/e'), { name: 'd/y', data: 'new' })
    expect(lstatSync(join(upper, 'd')).isSymbolicLink()).toBe(true)
    expect(text('e/y')).toBe('new')
  })

  it('takes absolute names from the root, as dockerd', () => {
    apply({ name: '/etc/passwd', data: 'p' }, { name: '/hard', type: 'link', linkName: '/etc/passwd' })
    expect(text('hard')).toBe('p')
  })

  it.each(['../x', 'a/../../x', '/../x', '..'])('refuses %s', (name) => {
    expect(() => apply({ name })).toThrow(`path "${name}" leaves the root`)
    expect(() => apply({ name: 'ok', type: 'link', linkName: name })).toThrow(
      `link target "${name}" leaves the root`,
    )
  })

  it('refuses a parent that is a file', () => {
    expect(() => apply({ name: 'f' }, { name: 'f/x' })).toThrow('"f" is not a directory')
  })

  it('never reads through links of the layers below', async () => {
    symlinkSync(join(folder, 'outside'), join(lower, 'evil'))
    const hard: Entry = { name: 'hard', type: 'link', linkName: 'evil/secret' }
    expect(() => apply(hard)).toThrow('"hard" links to "evil/secret", which does not exist')
    expect(await readdir(upper)).toEqual(['evil'])
  })

  it('brings a file of a layer below up for a hard link to it', () => {
    mkdirSync(join(lower, 'd'), { mode: 0o700 })
    writeFileSync(join(lower, 'd/f'), 'below', { mode: 0o640 })
    apply({ name: 'd/g', type: 'link', linkName: 'd/f' })
    expect(text('d/g')).toBe('below')
    expect(lstatSync(join(upper, 'd/f')).mode & 0o777).toBe(0o640)
    expect(lstatSync(join(upper, 'd')).mode & 0o777).toBe(0o700)
  })
})

describe('whiteouts', () => {
  it('marks what the layer itself did not write, also through its links', () => {
    apply(
      { name: 'real/' },
      link('alias', 'real'),
      { name: 'alias/.wh.gone' },
      { name: 'alias/.wh..wh..opq' },
    )
    expect(calls).toEqual(['mknod /real/gone', 'trusted.overlay.opaque /real'])
  })

  it('refuses names that are none', () => {
    for (const name of ['.wh.', '.wh..', '.wh...']) {
      expect(() => apply({ name })).toThrow(`whiteout "${name}"`)
    }
  })

  it('lets no layer forge the overlay', () => {
    const xattrs = new Map([['trusted.overlay.redirect', Buffer.from('/x')]])
    expect(() => apply({ name: 'd/', xattrs })).toThrow('trusted.overlay.redirect is not allowed')
    expect(() => apply({ name: 'w', type: 'character-device' })).toThrow('overlay whiteout device')
  })
})

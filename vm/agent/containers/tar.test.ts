import { lstat, mkdir, mkdtemp, readFile, readlink, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { extract, pack } from 'tar-stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { resolveInside, subpathOf } from './safe-path.ts'
import { extractTree } from './tar-extract.ts'
import { packTree } from './tar-pack.ts'

const kernel = { getXattr: () => undefined, mknod: () => undefined, setXattr: () => undefined }
const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
let folder: string
let root: string
const locate = (inside: string) => join(root, inside)
const signal = new AbortController().signal

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tar-'))
  root = join(folder, 'root')
  await mkdir(join(root, 'etc'), { recursive: true })
  await writeFile(join(folder, 'secret'), 'host')
})
afterEach(() => rm(folder, { recursive: true }))

function extractInto(inside: string, tar: AsyncIterable<unknown>, keepKinds = false): Promise<void> {
  return extractTree(Readable.from(copies(tar)), { kernel, locate, inside, keepKinds, owner, signal })
}

/** The packer uses its buffer again; Readable.from asks ahead. */
async function* copies(tar: AsyncIterable<unknown>): AsyncIterable<Uint8Array> {
  for await (const chunk of tar) yield Buffer.from(chunk as Uint8Array)
}

describe('resolveInside', () => {
  it.each([
    ['/etc/../../secret', '/secret'],
    ['/abs/passwd', '/etc/passwd'],
    ['/up/secret', '/secret'],
    ['/abs', '/abs'],
    ['/missing/deeper', '/missing/deeper'],
  ])('%s stays inside', async (path, inside) => {
    await symlink('/etc', join(root, 'abs'))
    await symlink('../../..', join(root, 'up'))
    expect((await resolveInside(root, path)).inside).toBe(inside)
  })

  it('refuses a loop of links', async () => {
    await symlink('b', join(root, 'a'))
    await symlink('a', join(root, 'b'))
    await expect(resolveInside(root, '/a/x')).rejects.toThrow('too many levels of symbolic links')
  })
})

describe('subpathOf', () => {
  it('follows links that stay below the base', async () => {
    await symlink('../etc', join(root, 'etc/again'))
    expect(await subpathOf(root, 'etc/again')).toBe(join(root, 'etc'))
  })

  it.each(['/', '..', '../root/..'])('refuses what a link to %s leads to', async (target) => {
    await symlink(target, join(root, 'out'))
    await symlink('out', join(root, 'bad'))
    await expect(subpathOf(root, 'bad')).rejects.toThrow('path concatenation escapes the base directory')
  })

  it('tells what is not there', async () => {
    const path = join(root, 'nothing')
    await expect(subpathOf(root, 'nothing')).rejects.toThrow(
      `cannot access path ${path}: lstat ${path}: no such file or directory`,
    )
  })
})

describe('pack and extract', () => {
  it('round-trips empty and large files, links and empty directories', async () => {
    await writeFile(join(root, 'etc/empty'), '')
    await writeFile(join(root, 'etc/hosts'), 'localhost')
    await writeFile(join(root, 'etc/large'), Buffer.alloc(1_000_001, 7))
    await symlink('hosts', join(root, 'etc/link'))
    await mkdir(join(root, 'etc/dir'))
    await mkdir(join(root, 'copy'))
    await extractInto('/copy', packTree({ kernel, locate, inside: '/etc', name: 'conf', signal }))
    expect(await readFile(join(root, 'copy/conf/hosts'), 'utf8')).toBe('localhost')
    expect((await readFile(join(root, 'copy/conf/large'))).equals(Buffer.alloc(1_000_001, 7))).toBe(true)
    expect((await lstat(join(root, 'copy/conf/empty'))).size).toBe(0)
    expect(await readlink(join(root, 'copy/conf/link'))).toBe('hosts')
    expect((await lstat(join(root, 'copy/conf/dir'))).isDirectory()).toBe(true)
  })

  it('names the entries of the root by their absolute paths, as clients of docker cp take them', async () => {
    await writeFile(join(root, 'etc/hosts'), 'localhost')
    const names: string[] = []
    const tar = Readable.from(copies(packTree({ kernel, locate, inside: '/', name: '/', signal }))).pipe(
      extract(),
    )
    for await (const entry of tar) {
      names.push(entry.header.name)
      entry.resume()
    }
    expect(names).toEqual(['/', '/etc/', '/etc/hosts'])
  })

  it('does not lose step when a file shrinks while it is packed', async () => {
    await writeFile(join(root, 'etc/big'), Buffer.alloc(3_000_000, 1))
    await writeFile(join(root, 'etc/last'), 'last')
    const source = packTree({ kernel, locate, inside: '/etc', name: 'etc', signal })
    async function* shrinking(): AsyncIterable<unknown> {
      let first = true
      for await (const chunk of source) {
        if (first) await truncate(join(root, 'etc/big'), 10)
        first = false
        yield chunk
      }
    }
    await mkdir(join(root, 'copy'))
    await extractInto('/copy', shrinking())
    expect(await readFile(join(root, 'copy/etc/last'), 'utf8')).toBe('last')
  })

  it('keeps hostile entries inside: dot-dot, absolute, through links', async () => {
    await symlink(folder, join(root, 'out'))
    const tar = pack()
    tar.entry({ name: '../../secret' }, 'x')
    tar.entry({ name: '/abs' }, 'x')
    tar.entry({ name: 'out/secret' }, 'x')
    tar.entry({ name: 'jump', type: 'symlink', linkname: '../..' })
    tar.entry({ name: 'jump/secret' }, 'x')
    tar.finalize()
    await extractInto('/', tar)
    expect(await readFile(join(folder, 'secret'), 'utf8')).toBe('host')
  })

  it('refuses to replace a directory by a file where asked, and names it', async () => {
    const tar = pack()
    tar.entry({ name: 'etc' }, 'x')
    tar.finalize()
    await expect(extractInto('/', tar, true)).rejects.toThrow(
      'cannot overwrite directory "/etc" with non-directory',
    )
    expect((await lstat(join(root, 'etc'))).isDirectory()).toBe(true)
  })

  it('calls what is no tar by its name', async () => {
    await expect(extractInto('/', Readable.from([Buffer.alloc(2048, 65)]))).rejects.toMatchObject({
      kind: 'invalid_argument',
    })
  })
})

import { randomBytes } from 'node:crypto'
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  realpath,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { duplexPair } from 'node:stream'
import type { FileEntryWithStats, Attributes as Ssh2Attributes } from 'ssh2'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Appearance } from './attributes.ts'
import { CheckedPaths } from './checked-path.ts'
import { Ownership } from './ownership.ts'
import { connectSftp, type SftpClient } from './sftp-client.fixture.ts'
import { SftpSession } from './sftp-session.ts'
import { OpenFlag, Packet, PacketSplitter, PacketWriter, Status } from './sftp-wire.ts'
import { SharedFiles } from './shared-files.ts'
import { Shares } from './shares.ts'

let folder: string
let shared: string
let owners: Ownership
let files: SharedFiles
let session: SftpSession
let sftp: SftpClient
const text = (path: string) => readFile(path, 'utf8')
const at = (...names: string[]) => join(shared, ...names)
const status = (code: number) => expect.objectContaining({ code })
const NO_SUCH_FILE = status(Status.NO_SUCH_FILE)
const DENIED = status(Status.PERMISSION_DENIED)
const FAILURE = status(Status.FAILURE)

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'folders-')))
  shared = join(folder, 'home/me')
  await mkdir(join(folder, 'home/other'), { recursive: true })
  await mkdir(shared)
  await writeFile(join(folder, 'secret'), 'secret')
  owners = new Ownership(join(folder, 'owners.json'), (message) => expect.fail(message))
  const shares = new Shares([shared, join(folder, 'data')], 'linux')
  files = new SharedFiles({
    paths: new CheckedPaths(() => shares),
    owners,
    appearance: new Appearance(owners),
  })
  sftp = await connectSftp((stream) => {
    session = new SftpSession(stream, files)
  })
})
afterEach(async () => {
  await sftp[Symbol.asyncDispose]()
  await session.ended
  await owners[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

async function names(path: string): Promise<string[]> {
  const list = (await sftp.call('readdir', path)) as FileEntryWithStats[]
  return list.map(({ filename }) => filename).sort()
}

test('a file: made, written, read, looked at, changed, synced and removed', async () => {
  const bytes = randomBytes(300_000)
  await sftp.call('writeFile', at('file'), bytes)
  expect((await readFile(at('file'))).equals(bytes)).toBe(true)
  expect(((await sftp.call('readFile', at('file'))) as Buffer).equals(bytes)).toBe(true)
  await sftp.call('chmod', at('file'), 0o640)
  await sftp.call('utimes', at('file'), 1_000_000, 2_000_000)
  const handle = (await sftp.call('open', at('file'), 'r+')) as Buffer
  await sftp.call('ext_openssh_fsync', handle)
  await sftp.call('fsetstat', handle, { size: 7 })
  expect(await sftp.call('fstat', handle)).toMatchObject({ size: 7 })
  await sftp.call('fsetstat', handle, { atime: 3, mtime: 4_000_000 })
  await sftp.call('close', handle)
  expect(await sftp.call('lstat', at('file'))).toMatchObject({
    size: 7,
    mode: 0o100640,
    mtime: 4_000_000,
    uid: 0,
  })
  await sftp.call('setstat', at('file'), { size: 3 })
  expect((await readFile(at('file'))).equals(bytes.subarray(0, 3))).toBe(true)
  await sftp.call('unlink', at('file'))
  await expect(sftp.call('lstat', at('file'))).rejects.toEqual(NO_SUCH_FILE)
})

test('every way to open: new only, at the end, emptied, and what is refused', async () => {
  await sftp.call('close', await sftp.call('open', at('new'), 'wx', { mode: 0o600 }))
  expect((await stat(at('new'))).mode & 0o777).toBe(0o600)
  await expect(sftp.call('open', at('new'), 'wx')).rejects.toEqual(FAILURE)
  await writeFile(at('new'), 'one')
  await sftp.call('appendFile', at('new'), ' two')
  expect(await text(at('new'))).toBe('one two')
  await sftp.call('close', await sftp.call('open', at('new'), 'w'))
  expect(await text(at('new'))).toBe('')
  await expect(sftp.call('open', at('absent'), 'r')).rejects.toEqual(NO_SUCH_FILE)
  await expect(sftp.call('open', shared, 'r')).rejects.toEqual(DENIED)
})

test('folders: made, listed with attributes in batches, removed when empty', async () => {
  await sftp.call('mkdir', at('many'), { mode: 0o700 })
  await expect(sftp.call('mkdir', at('many'))).rejects.toEqual(FAILURE)
  const wanted = Array.from({ length: 450 }, (_, index) => `file ${index} 한글`)
  await Promise.all(wanted.map((name) => writeFile(at('many', name), name)))
  expect(await names(at('many'))).toEqual([...wanted].sort())
  const list = (await sftp.call('readdir', at('many'))) as FileEntryWithStats[]
  expect(list.find(({ filename }) => filename === 'file 7 한글')?.attrs.size).toBe('file 7 한글'.length + 4)
  await expect(sftp.call('rmdir', at('many'))).rejects.toEqual(FAILURE)
  await Promise.all(wanted.map((name) => sftp.call('unlink', at('many', name))))
  await sftp.call('rmdir', at('many'))
  await expect(names(at('many'))).rejects.toEqual(NO_SUCH_FILE)
})

test('names move: rename keeps what is there, posix-rename replaces it; hard links; sizes of the disk', async () => {
  await writeFile(at('a'), 'a')
  await writeFile(at('b'), 'b')
  await expect(sftp.call('rename', at('a'), at('b'))).rejects.toEqual(FAILURE)
  await sftp.call('ext_openssh_rename', at('a'), at('b'))
  expect(await text(at('b'))).toBe('a')
  await sftp.call('rename', at('b'), at('c'))
  await sftp.call('ext_openssh_hardlink', at('c'), at('d'))
  expect((await stat(at('d'))).nlink).toBe(2)
  expect(await sftp.call('ext_openssh_statvfs', shared)).toMatchObject({ f_namemax: 255 })
})

test('links: their text is kept as it is, and they are looked at themselves', async () => {
  await writeFile(at('file'), 'x')
  // ssh2 has the two the other way round for a server that does not call itself OpenSSH.
  await sftp.call('symlink', at('link'), '../file')
  expect(await sftp.call('readlink', at('link'))).toBe('../file')
  const attributes = (await sftp.call('lstat', at('link'))) as Ssh2Attributes
  expect(attributes.mode & 0o170000).toBe(0o120000)
  await sftp.call('utimes', at('link'), 5, 6)
  expect((await lstat(at('link'))).mtimeMs).toBe(6_000)
  await sftp.call('unlink', at('link'))
  expect(await names(shared)).toEqual(['file'])
})

test('above the shares only what leads to one is there, and nothing can be changed', async () => {
  expect(await names('/')).toEqual([folder.split('/')[1]])
  expect(await names(folder)).toEqual(['data', 'home'])
  expect(await names(join(folder, 'home'))).toEqual(['me'])
  expect(await sftp.call('lstat', join(folder, 'home'))).toMatchObject({ mode: 0o040755 })
  await expect(sftp.call('lstat', join(folder, 'secret'))).rejects.toEqual(NO_SUCH_FILE)
  await expect(sftp.call('lstat', join(folder, 'home/other'))).rejects.toEqual(NO_SUCH_FILE)
  await expect(sftp.call('lstat', '/etc/passwd')).rejects.toEqual(NO_SUCH_FILE)
  await expect(sftp.call('mkdir', join(folder, 'new'))).rejects.toEqual(NO_SUCH_FILE)
  await expect(sftp.call('rmdir', join(folder, 'home'))).rejects.toEqual(DENIED)
  await expect(sftp.call('rename', at('..'), at('x'))).rejects.toEqual(DENIED)
  // Shared, but not there.
  await expect(names(join(folder, 'data'))).rejects.toEqual(NO_SUCH_FILE)
})

test.each([
  ['dots', () => at('../../secret')],
  ['a folder that is a link out', () => at('out/secret')],
  ['a link to another folder, by dots behind it', () => at('out/../../../secret')],
  ['a path that is not absolute', () => 'secret'],
  ['a zero', () => `${at('file')}\0`],
])('nothing is found by %s', async (_name, path) => {
  await symlink(folder, at('out'))
  for (const [name, ...args] of [
    ['lstat'],
    ['stat'],
    ['open', 'r'],
    ['open', 'w'],
    ['opendir'],
    ['setstat', { mode: 0o777 }],
    ['unlink'],
    ['mkdir'],
    ['rmdir'],
    ['readlink'],
    ['rename', at('got')],
    ['ext_openssh_rename', at('got')],
    ['ext_openssh_hardlink', at('got')],
  ] as [string, ...unknown[]][]) {
    await expect(sftp.call(name, path(), ...args), name).rejects.toEqual(NO_SUCH_FILE)
  }
  expect(await text(join(folder, 'secret'))).toBe('secret')
})

test('a link at the end is not followed by what reads or changes', async () => {
  const secret = join(folder, 'secret')
  await chmod(secret, 0o600)
  await symlink(secret, at('link'))
  for (const [name, ...args] of [
    ['open', 'r'],
    ['open', 'r+'],
    ['open', 'a'],
    ['setstat', { size: 0 }],
    ['ext_openssh_hardlink', at('hard')],
  ] as [string, ...unknown[]][]) {
    await expect(sftp.call(name, at('link'), ...args), name).rejects.toEqual(FAILURE)
  }
  await expect(sftp.call('stat', at('link'))).rejects.toEqual(NO_SUCH_FILE)
  await expect(sftp.call('opendir', at('link'))).rejects.toEqual(NO_SUCH_FILE)
  await sftp.call('chmod', at('link'), 0o777)
  expect((await stat(secret)).mode & 0o777).toBe(0o600)
  expect(await text(secret)).toBe('secret')
})

test('a link into a shared folder may be gone through', async () => {
  await mkdir(at('real/below'), { recursive: true })
  await writeFile(at('real/below/file'), 'here')
  await symlink('real', at('alias'))
  expect(String(await sftp.call('readFile', at('alias/below/file')))).toBe('here')
})

test('writes that are not waited for come out in their order, and whoever looks sees them', async () => {
  const handle = (await sftp.call('open', at('log'), 'w')) as Buffer
  const writes = Array.from({ length: 200 }, (_, index) => {
    const line = Buffer.from(String(index % 10))
    return sftp.call('write', handle, line, 0, 1, 0)
  })
  const seen = sftp.call('fstat', handle)
  const closed = sftp.call('close', handle)
  const looked = sftp.call('readFile', at('log'))
  await Promise.all([...writes, closed])
  expect(await seen).toMatchObject({ size: 1 })
  expect(String(await looked)).toBe('9')
})

test('a look that follows the request to create finds what it creates', async () => {
  for (let round = 0; round < 20; round++) {
    const opened = sftp.call('open', at(`file ${round}`), 'wx')
    const looked = sftp.call('lstat', at(`file ${round}`))
    expect(await looked).toMatchObject({ size: 0 })
    await sftp.call('close', await opened)
  }
})

test('what is no packet ends the connection, and closes what was open', async () => {
  await writeFile(at('file'), 'x')
  const [near, far] = duplexPair()
  const { ended, handles } = new SftpSession(far, files)
  const packet = (type: number, id: number) => new PacketWriter(type).uint32(id)
  near.write(packet(Packet.INIT, 3).end())
  near.write(packet(Packet.OPEN, 1).text(at('file')).uint32(OpenFlag.READ).attributes({}).end())
  near.write(packet(Packet.OPENDIR, 2).text(shared).end())
  const answers = new PacketSplitter()
  let got = 0
  near.on('data', (chunk: Buffer) => {
    got += answers.push(chunk).length
    // The length alone: more than any packet may have.
    if (got === 3) near.write(Buffer.from('ffffffff00', 'hex'))
  })
  await ended
  expect(got).toBe(3)
  for (const handle of [1, 2]) await expect(handles.close(handle)).rejects.toThrow('is not open')
})

test('an unknown request and a handle that was never given are refused, and the rest goes on', async () => {
  await expect(sftp.call('readlink', at('absent'))).rejects.toEqual(NO_SUCH_FILE)
  await expect(sftp.call('fstat', Buffer.from([0, 0, 0, 99]))).rejects.toEqual(status(Status.BAD_MESSAGE))
  await expect(sftp.call('fstat', Buffer.from('long handle'))).rejects.toEqual(status(Status.BAD_MESSAGE))
  expect(await sftp.call('realpath', `${shared}/a/../b/.`)).toBe(at('b'))
})

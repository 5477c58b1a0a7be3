import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { ContextIndex } from '../kept-contexts.ts'
import { FileReceiver } from './file-receiver.ts'
import { sendFiles } from './file-sender.ts'
import { goMode } from './go-mode.ts'
import type { ClientCall } from './grpc-client.ts'
import { Packet, PacketType } from './session-messages.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'transfer-'))
  for (const name of ['from', 'to']) await mkdir(join(folder, name))
})
afterEach(() => rm(folder, { recursive: true }))

/** Two ends of a stream of messages. */
function pair(): [ClientCall, ClientCall] {
  const end = () => ({ queue: [] as (Buffer | undefined)[], wake: () => undefined as unknown })
  const ends = [end(), end()] as const
  const call = (mine: ReturnType<typeof end>, theirs: ReturnType<typeof end>): ClientCall => {
    const put = (item: Buffer | undefined) => {
      theirs.queue.push(item)
      theirs.wake()
    }
    return {
      send: async (bytes) => put(Buffer.from(bytes)),
      end: () => put(undefined),
      cancel: () => put(undefined),
      messages: (async function* () {
        for (;;) {
          while (mine.queue.length === 0)
            await new Promise<void>((resolve) => (mine.wake = resolve as () => undefined))
          const item = mine.queue.shift()
          if (item === undefined) return
          yield item
        }
      })(),
    }
  }
  return [call(ends[0], ends[1]), call(ends[1], ends[0])]
}

it('brings a tree across: modes, times, links, many files at once', async () => {
  const from = join(folder, 'from')
  await mkdir(join(from, 'd/deep'), { recursive: true })
  await writeFile(join(from, 'd/deep/big'), Buffer.alloc(100_000, 7))
  await writeFile(join(from, 'empty'), '')
  for (let n = 0; n < 50; n++) await writeFile(join(from, `d/${n}`), String(n))
  await symlink('../empty', join(from, 'd/link'))
  await chmod(join(from, 'empty'), 0o4751)
  await chmod(join(from, 'd'), 0o700)
  await utimes(join(from, 'd'), 1_600_000_000, 1_600_000_000)
  const [sender, receiver] = pair()
  let bytes = 0
  await Promise.all([
    sendFiles(from, sender, () => undefined),
    new FileReceiver(join(folder, 'to'), receiver, (total) => {
      bytes = total
    }).run(),
  ])
  const to = join(folder, 'to')
  expect((await readdir(to, { recursive: true })).sort()).toEqual(
    (await readdir(from, { recursive: true })).sort(),
  )
  expect(await readFile(join(to, 'd/deep/big'))).toEqual(Buffer.alloc(100_000, 7))
  expect(await readFile(join(to, 'd/49'), 'utf8')).toBe('49')
  expect(await readlink(join(to, 'd/link'))).toBe('../empty')
  expect((await stat(join(to, 'empty'))).mode & 0o7777).toBe(0o4751)
  const { mode, mtimeMs } = await stat(join(to, 'd'))
  expect([mode & 0o777, mtimeMs]).toEqual([0o700, 1_600_000_000_000])
  expect(bytes).toBeGreaterThan(100_000)
})

it('asks only for what has changed since the last time', async () => {
  const [from, first, second] = ['from', 'to', 'again'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  await mkdir(second)
  await mkdir(join(from, 'd'))
  await writeFile(join(from, 'd/same'), Buffer.alloc(50_000, 1))
  await writeFile(join(from, 'changed'), 'before')
  await writeFile(join(from, 'gone'), 'x')
  const bring = async (to: string, former?: { root: string; files: ContextIndex }) => {
    const [sender, receiver] = pair()
    let bytes = 0
    const onBytes = (total: number) => {
      bytes = total
    }
    const [, came] = await Promise.all([
      sendFiles(from, sender, () => undefined),
      new FileReceiver(to, receiver, onBytes, former).run(),
    ])
    return { ...came, bytes }
  }
  const { files, size } = await bring(first)
  expect([[...files.keys()].sort(), size]).toEqual([['changed', 'd/same', 'gone'], 50_007])
  await writeFile(join(from, 'changed'), 'afterwards')
  await rm(join(from, 'gone'))
  const again = await bring(second, { root: first, files })
  expect(again.bytes).toBeLessThan(1000)
  expect(await readFile(join(second, 'd/same'))).toEqual(Buffer.alloc(50_000, 1))
  expect(await readFile(join(second, 'changed'), 'utf8')).toBe('afterwards')
  expect((await readdir(second)).sort()).toEqual(['changed', 'd'])
  // What was kept has gone meanwhile: then it is sent.
  await mkdir(join(folder, 'third'))
  const sent = await bring(join(folder, 'third'), { root: join(folder, 'nowhere'), files: again.files })
  expect(sent.bytes).toBeGreaterThan(50_000)
  // The machine was killed before all of it was on the disk.
  await truncate(join(first, 'd/same'), 10)
  await mkdir(join(folder, 'fourth'))
  const mended = await bring(join(folder, 'fourth'), { root: first, files: again.files })
  expect(mended.bytes).toBeGreaterThan(50_000)
  expect(await readFile(join(folder, 'fourth/d/same'))).toEqual(Buffer.alloc(50_000, 1))
})

const stat1 = (path: string, more: object = {}) =>
  Packet.encode({ type: PacketType.STAT, stat: { path, mode: goMode(0o100644), ...more } })

/** What a client sends that is not as it should be. */
async function receive(...packets: Uint8Array[]): Promise<void> {
  const [client, receiver] = pair()
  for (const packet of packets) await client.send(packet)
  client.end()
  await new FileReceiver(join(folder, 'to'), receiver, () => undefined).run()
}

it('never leaves its folder, whatever a client sends', async () => {
  await writeFile(join(folder, 'outside'), 'as it was')
  const invalid = (path: string) => `invalid path in the context: ${path}`
  await expect(receive(stat1('../../outside'))).rejects.toThrow(invalid('../../outside'))
  const evil = stat1('evil', { mode: goMode(0o120777), linkname: folder })
  await expect(receive(evil, stat1('evil/outside'))).rejects.toThrow('EEXIST')
  await expect(receive(stat1('hard', { linkname: 'evil/outside' }))).rejects.toThrow(invalid('evil/outside'))
  await expect(receive(stat1('.'))).rejects.toThrow(invalid('.'))
  await expect(receive(Packet.encode({ type: PacketType.DATA, id: 9 }))).rejects.toThrow('not asked for: 9')
  await expect(receive(Packet.encode({ type: PacketType.ERR, data: Buffer.from('no') }))).rejects.toThrow(
    'no',
  )
  expect(await readFile(join(folder, 'outside'), 'utf8')).toBe('as it was')
  expect((await readdir(folder)).sort()).toEqual(['from', 'outside', 'to'])
})

it('keeps hard links', async () => {
  const data = (text: string) => Packet.encode({ type: PacketType.DATA, id: 0, data: Buffer.from(text) })
  const last = Packet.encode({ type: PacketType.STAT })
  await receive(stat1('a'), stat1('b', { linkname: 'a' }), last, data('x'), data(''))
  const [a, b] = [await stat(join(folder, 'to/a')), await stat(join(folder, 'to/b'))]
  expect(a.ino).toBe(b.ino)
})

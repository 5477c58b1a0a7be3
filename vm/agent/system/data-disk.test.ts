import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FakeKernel } from '../linux/fake.ts'
import { type HeldPlaces, isMounted, mountWhenClean, untilReleased } from './data-disk.ts'

let folder: string
let places: HeldPlaces
let kernel: FakeKernel
const disk = () => ({ device: join(folder, 'device'), root: '/data' })
const said = async () => (await readFile(places.console, 'utf8')).split('\n').filter(Boolean)

/** A disk of 1 GiB in blocks of 4 KiB. */
function superblock({ magic = 0xef53, state = 1, features = 0, blocks = 262_144 } = {}): Buffer {
  const bytes = Buffer.alloc(4096)
  bytes.writeUInt32LE(blocks, 1024 + 4)
  bytes.writeUInt32LE(2, 1024 + 0x18)
  bytes.writeUInt16LE(magic, 1024 + 0x38)
  bytes.writeUInt16LE(state, 1024 + 0x3a)
  bytes.writeUInt32LE(features, 1024 + 0x60)
  return bytes
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'held-'))
  const at = (name: string) => join(folder, name)
  places = {
    cable: at('cable'),
    console: at('console'),
    entropy: at('entropy'),
    clock: at('clock'),
    mounts: at('mounts'),
    size: at('size'),
  }
  kernel = new FakeKernel()
  await writeFile(places.console, '')
  await writeFile(places.entropy, Buffer.alloc(1000, 7))
  await writeFile(places.clock, '1795323600\n')
  await writeFile(places.size, '2097152\n')
  await writeFile(places.mounts, 'proc /proc proc rw 0 0\n/dev/vdb /data ext4 rw 0 0\n')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test('a held machine waits for its cable; then it has entropy and time of its own before it says so', async () => {
  await writeFile(places.cable, '0\n')
  const released = untilReleased(kernel, places)
  await expect.poll(() => readFile(places.console, 'utf8')).toBe('slipway: holding\n')
  expect(kernel.calls).toEqual([])
  await writeFile(places.console, '')
  await writeFile(places.cable, '1\n')
  await released
  expect(kernel.calls).toEqual([
    { name: 'reseed', args: [Buffer.alloc(256, 7)] },
    { name: 'setClock', args: [1_795_323_600_500] },
  ])
  expect(await said()).toEqual(['slipway: awake'])
})

test('one that nobody holds goes on at once', async () => {
  await writeFile(places.cable, '1\n')
  await untilReleased(kernel, places)
  expect(await said()).toEqual(['slipway: awake'])
})

test('a disk that was left in order is mounted by a system call', async () => {
  await writeFile(disk().device, superblock())
  expect(mountWhenClean(disk(), kernel, places)).toBe(true)
  expect(kernel.mounts).toEqual([
    {
      type: 'ext4',
      source: disk().device,
      target: '/data',
      flags: 1024,
      data: 'discard,resuid=4294967290',
    },
  ])
  expect(await said()).toEqual(['slipway: data disk mounted'])
})

test.each([
  ['is blank', superblock({ magic: 0 })],
  ['was not unmounted', superblock({ state: 0 })],
  ['has a journal to replay', superblock({ features: 4 })],
  ['is smaller than its device', superblock({ blocks: 262_143 })],
  ['is cut short', superblock().subarray(0, 1500)],
])('a disk that %s is left to the script', async (_what, bytes) => {
  await writeFile(disk().device, bytes)
  expect(mountWhenClean(disk(), kernel, places)).toBe(false)
  expect(kernel.calls).toEqual([])
  expect(await said()).toEqual([])
})

test('an engine that comes after another one finds the disk mounted', () => {
  expect(isMounted('/data', places)).toBe(true)
  expect(isMounted('/dat', places)).toBe(false)
})

test('the image mounts with the same options', async () => {
  const script = await readFile(
    join(import.meta.dirname, '../../image/rootfs/usr/lib/slipway/data-disk'),
    'utf8',
  )
  expect(script).toContain('-o noatime,discard,resuid=$reserve')
  expect(script).toContain('reserve=4294967290')
})

import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Errno, errnoError } from '../linux/errno.ts'
import { FakeKernel } from '../linux/fake.ts'
import { openMonitorStdin } from './stdin.ts'

let bundle: string
beforeEach(async () => {
  bundle = await mkdtemp(join(tmpdir(), 'stdin-'))
})
afterEach(() => rm(bundle, { recursive: true }))

const sent = (kernel: FakeKernel) => [...kernel.packets.values()].flat()

test('cuts into packets and ends with EOF', async () => {
  const kernel = new FakeKernel()
  const stdin = openMonitorStdin(kernel, bundle)
  stdin.end(Buffer.alloc(40_000, 'x'))
  await once(stdin, 'close')
  const packets = sent(kernel)
  expect(packets.map((packet) => (packet === 'EOF' ? packet : packet.length))).toEqual([
    16384,
    16384,
    7232,
    'EOF',
  ])
})

test('waits while the container does not read', async () => {
  const kernel = new FakeKernel()
  kernel.full = true
  const stdin = openMonitorStdin(kernel, bundle)
  stdin.end('later')
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(sent(kernel)).toEqual([])
  kernel.full = false
  await once(stdin, 'finish')
  expect(sent(kernel).map(String)).toEqual([Buffer.from('later'), 'EOF'].map(String))
})

test('stops trying when it is destroyed', async () => {
  const kernel = new FakeKernel()
  kernel.full = true
  const stdin = openMonitorStdin(kernel, bundle)
  stdin.write('never')
  stdin.destroy()
  await once(stdin, 'close')
  kernel.full = false
  await new Promise((resolve) => setTimeout(resolve, 30))
  expect(sent(kernel)).toEqual([])
})

test('what comes after the end of the container is dropped', async () => {
  const kernel = new FakeKernel()
  kernel.peerGone = true
  const stdin = openMonitorStdin(kernel, bundle)
  stdin.end('too late')
  await once(stdin, 'close')
  expect([stdin.errored, sent(kernel)]).toEqual([null, ['EOF']])
})

test.each(['ENOENT', 'ECONNREFUSED'])(
  'a container that ended before the connection takes all (%s)',
  async (name) => {
    const kernel = new FakeKernel()
    const errno = Errno[name as 'ENOENT' | 'ECONNREFUSED']
    kernel.failures.push({ name: 'connectSeqpacket', error: errnoError('connect', 'attach', errno) })
    const stdin = openMonitorStdin(kernel, bundle)
    stdin.end(Buffer.alloc(100_000))
    await once(stdin, 'close')
    expect([stdin.errored, sent(kernel)]).toEqual([null, []])
    const removed = openMonitorStdin(kernel, join(bundle, 'removed'))
    removed.end('x')
    await once(removed, 'close')
  },
)

test('what else keeps a connection from being made is told', () => {
  const kernel = new FakeKernel()
  kernel.failures.push({ name: 'connectSeqpacket', error: errnoError('connect', 'attach', Errno.EACCES) })
  expect(() => openMonitorStdin(kernel, bundle)).toThrow('connect attach: EACCES')
})

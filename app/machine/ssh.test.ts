import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Duplex, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FakeGuest } from './fake-guest.ts'
import { freePort } from './free-port.ts'
import { ensureKeys, type MachineKeys } from './keys.ts'
import { Ssh } from './ssh.ts'

let folder: string
let keys: MachineKeys
let guest: FakeGuest
let ssh: Ssh
let changes: boolean[]

const echo = (stream: Duplex) => void stream.pipe(stream)
/** Says what it got only after the client said that it is done. */
const echoLate = (stream: Duplex) => {
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  stream.on('end', () => stream.end(Buffer.concat(chunks)))
}
const services: Record<string, (stream: Duplex) => void> = {
  '/run/engine.sock': echoLate,
  '172.17.0.2:80': echo,
  '/run/silent.sock': (stream) => void stream.resume(),
  '/run/closing.sock': (stream) => void stream.end('bye'),
  '/run/http.sock': (stream) => {
    stream.once('data', () => stream.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK'))
  },
}

function open(target = { port: guest.port, keys }): Ssh {
  return new Ssh({ target, log: () => undefined, onChange: (connected) => changes.push(connected) })
}
const startGuest = (port?: number) =>
  FakeGuest.start({
    keys,
    serve: (target) => services[target],
    exec: (command) => ({ output: `ran ${command}`, code: 3 }),
    ...(port === undefined ? {} : { port }),
  })

async function all(stream: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ssh-'))
  keys = await ensureKeys(folder)
  guest = await startGuest()
  changes = []
  ssh = open()
})
afterEach(async () => {
  await ssh[Symbol.asyncDispose]()
  await guest[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

test('a stream to a unix socket closes half by half', async () => {
  const stream = await ssh.dial({ path: '/run/engine.sock' })
  stream.end('question')
  expect(String(await all(stream))).toBe('question')
})

test('large transfers arrive whole in both directions, with back-pressure', async () => {
  const sent = randomBytes(12 * 1024 * 1024)
  const stream = await ssh.dial({ host: '172.17.0.2', port: 80 }, { class: 'bulk' })
  const received = all(stream)
  await pipeline(Readable.from(chunksOf(sent)), stream, { end: true })
  expect((await received).equals(sent)).toBe(true)
})

test('node:http takes the stream for a socket', async () => {
  const stream = await ssh.dial({ path: '/run/http.sock' })
  const status = await new Promise((resolve, reject) => {
    get({ path: '/_ping', createConnection: () => stream as never }, (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode))
    }).on('error', reject)
  })
  expect(status).toBe(200)
})

test('a target that refuses is named', async () => {
  await expect(ssh.dial({ path: '/run/none.sock' })).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringContaining('/run/none.sock'),
  })
  await expect(ssh.dial({ host: '::1', port: 9 })).rejects.toThrow('[::1]:9')
})

test('writing to what the other side has closed fails instead of hanging', async () => {
  const stream = await ssh.dial({ path: '/run/closing.sock' })
  expect(String(await all(stream))).toBe('bye')
  await expect.poll(() => stream.destroyed).toBe(true)
  const failure = new Promise((resolve) => stream.write('more', resolve))
  expect(await failure).toBeInstanceOf(Error)
})

test('bulk and control have connections of their own', async () => {
  await ssh.connect()
  expect(guest.admitted).toBe(1)
  const bulk = await Promise.all(
    [1, 2, 3].map(() => ssh.dial({ path: '/run/silent.sock' }, { class: 'bulk' })),
  )
  expect(guest.admitted).toBe(3)
  for (const stream of bulk) stream.destroy()
})

test('a server with another key is not talked to', async () => {
  const stranger = await ensureKeys(join(folder, 'other'))
  const wary = open({ port: guest.port, keys: { client: keys.client, host: stranger.host } })
  await expect(wary.connect({ signal: AbortSignal.timeout(400) })).rejects.toMatchObject({
    kind: 'cancelled',
  })
  expect(guest.admitted).toBe(0)
  await wary[Symbol.asyncDispose]()
})

test('a lost connection is an error for its streams, and is made again by itself', async () => {
  const stream = await ssh.dial({ path: '/run/silent.sock' })
  const failure = all(stream).catch((error: unknown) => error)
  guest.cut()
  expect(await failure).toMatchObject({ kind: 'unavailable' })
  await expect.poll(() => changes).toEqual([true, false, true])
})

test('a call made while there is no server waits for it', async () => {
  await ssh.connect()
  const { port } = guest
  await guest[Symbol.asyncDispose]()
  await expect.poll(() => ssh.connected).toBe(false)
  const waiting = ssh.dial({ path: '/run/engine.sock' })
  const impatient = ssh.dial({ path: '/run/engine.sock' }, { signal: AbortSignal.timeout(50) })
  await expect(impatient).rejects.toMatchObject({ kind: 'cancelled' })
  guest = await startGuest(port)
  const stream = await waiting
  stream.end('still here')
  expect(String(await all(stream))).toBe('still here')
})

test('commands answer with their output and code', async () => {
  expect(await ssh.exec('poweroff')).toEqual({ code: 3, output: 'ran poweroff' })
})

test('a shell has the size it was opened with, and the one it is given', async () => {
  const shell = await ssh.shell({ size: { rows: 40, columns: 120 } })
  let said = ''
  shell.on('data', (chunk) => {
    said += chunk
  })
  const ended = once(shell, 'end')
  shell.write('size\n')
  await expect.poll(() => said).toBe('40x120\n')
  shell.resize({ rows: 10, columns: 20 })
  shell.write('size\n')
  await expect.poll(() => said).toBe('40x120\n10x20\n')
  shell.write('exit\n')
  await ended
})

test('disposing ends waits and leaves nothing that reconnects', async () => {
  const lonely = open({ port: await freePort(undefined), keys })
  const waiting = lonely.dial({ path: '/run/engine.sock' })
  waiting.catch(() => undefined)
  await lonely[Symbol.asyncDispose]()
  await expect(waiting).rejects.toMatchObject({ kind: 'unavailable' })
  await expect(lonely.dial({ path: '/x' })).rejects.toMatchObject({ kind: 'unavailable' })
})

function* chunksOf(data: Buffer): Generator<Buffer> {
  for (let at = 0; at < data.length; at += 100_000) yield data.subarray(at, at + 100_000)
}

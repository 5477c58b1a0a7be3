import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest'
import { Dispatcher, type MethodHandlers, type StreamHandlers } from './dispatch.ts'
import { CHANNEL, type IpcOptions, serveIpc } from './ipc.ts'
import { Log } from './shell/log.ts'

type Listener = (event: unknown, ...args: unknown[]) => unknown

/** Electron's ipcMain as far as it is used: channels to listeners. */
class Ipc {
  readonly listeners = new Map<string, Listener>()
  handle = (channel: string, listener: Listener): void => void this.listeners.set(channel, listener)
  on = this.handle
  removeHandler = (channel: string): void => void this.listeners.delete(channel)
  removeAllListeners = (channel?: string): void => void this.listeners.delete(channel ?? '')
  send(channel: string, event: unknown, ...args: unknown[]): unknown {
    return this.listeners.get(channel)?.(event, ...args)
  }
}

const ORIGIN = 'https://slipway.invalid'
const ours = { sender: { id: 1 }, senderFrame: { url: `${ORIGIN}/#/containers`, parent: null } }
const foreign = {
  'another window': { ...ours, sender: { id: 2 } },
  'another page': { ...ours, senderFrame: { url: 'https://evil.example/', parent: null } },
  'a page that looks like ours': {
    ...ours,
    senderFrame: { url: `${ORIGIN}.evil.example/`, parent: null },
  },
  'a frame in our page': { ...ours, senderFrame: { url: `${ORIGIN}/`, parent: {} } },
  'a frame that is gone': { ...ours, senderFrame: null },
}

const folder = mkdtempSync(join(tmpdir(), 'sw-ipc-'))
afterAll(() => rmSync(folder, { recursive: true }))

let ipc: Ipc
let served: Disposable
let started: number
let aborted: number
beforeEach(() => {
  ipc = new Ipc()
  started = 0
  aborted = 0
  const methods: Partial<MethodHandlers> = {
    'machine.start': async (_args, { signal }) => {
      started++
      await sleep(60_000, undefined, { signal }).catch(() => aborted++)
    },
    'containers.rename': () => undefined,
  }
  const streams: Partial<StreamHandlers> = {
    'containers.download': async function* () {
      yield Buffer.from('bytes of a pool').subarray(0, 5)
    },
  }
  const dispatcher = new Dispatcher({
    methods: methods as MethodHandlers,
    streams: streams as StreamHandlers,
    log: new Log(join(folder, 'app.log')),
  })
  const isOurs = (id: number): boolean => id === 1
  served = serveIpc({ ipc: ipc as unknown as IpcOptions['ipc'], dispatcher, origin: ORIGIN, isOurs })
})
afterEach(() => served[Symbol.dispose]())

test.each(Object.entries(foreign))(
  'a call from %s is refused before it is looked at',
  async (_name, event) => {
    const answer = await ipc.send(CHANNEL.call, event, 'machine.start', [], 'c1')
    expect(answer).toMatchObject({ ok: false, error: { kind: 'permission_denied' } })
    expect(started).toBe(0)
  },
)

test.each(Object.entries(foreign))('a stream for %s is closed', async (_name, event) => {
  const { port1, port2 } = new MessageChannel()
  const closed = new Promise((resolve) => port1.on('close', resolve))
  ipc.send(CHANNEL.open, { ...event, ports: [asMain(port2)] }, 'containers.download')
  await closed
})

test('malformed calls and arguments are refused by name', async () => {
  const call = (...args: unknown[]) => ipc.send(CHANNEL.call, ours, ...args)
  expect(await call('containers.rename', ['a', 5], 'c')).toMatchObject({
    ok: false,
    error: { kind: 'invalid_argument', message: expect.stringContaining('containers.rename: 1: ') },
  })
  expect(await call('containers.rename', 'a', 'c')).toMatchObject({ error: { kind: 'invalid_argument' } })
  expect(await call(5, [], 'c')).toMatchObject({ error: { kind: 'invalid_argument' } })
  expect(await call('constructor', [], 'c')).toMatchObject({ error: { kind: 'not_found' } })
  expect(await call('containers.rename', ['a', 'b'], 'c')).toEqual({ ok: true })
})

test('cancel ends the call of that page with that id, and no other', async () => {
  const call = ipc.send(CHANNEL.call, ours, 'machine.start', [], 'mine')
  ipc.send(CHANNEL.cancel, ours, 'other')
  ipc.send(CHANNEL.cancel, foreign['another window'], 'mine')
  await sleep(10)
  expect(aborted).toBe(0)
  ipc.send(CHANNEL.cancel, ours, 'mine')
  await call
  expect(aborted).toBe(1)
})

test('a stream over a port: bytes, end, and none of the buffer beside them', async () => {
  const { port1, port2 } = new MessageChannel()
  ipc.send(CHANNEL.open, { ...ours, ports: [asMain(port2)] }, 'containers.download')
  const frames: unknown[] = []
  const ended = new Promise<void>((resolve) =>
    port1.on('message', (frame) => {
      frames.push(frame)
      if (frame.type === 'end') resolve()
    }),
  )
  port1.postMessage({ type: 'open', args: ['web', '/'] })
  await ended
  const [{ value }] = frames as [{ value: Uint8Array }]
  expect(Buffer.from(value).toString()).toBe('bytes')
  expect(value.buffer.byteLength).toBe(5)
  port1.close()
})

/** Node's port as Electron's: messages wrapped in an event, started by hand. */
function asMain(port: MessagePort): unknown {
  return {
    on(event: string, listener: (event: unknown) => void) {
      if (event === 'message') port.on('message', (data) => listener({ data }))
      else port.on(event, listener)
    },
    postMessage: (value: unknown) => port.postMessage(value),
    start: () => port.start(),
    close: () => port.close(),
  }
}

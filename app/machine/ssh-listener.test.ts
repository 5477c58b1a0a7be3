import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FakeGuest } from './fake-guest.ts'
import { ensureKeys } from './keys.ts'
import { SshListener } from './ssh-listener.ts'

const PATH = '/run/slipway/folders.sock'
let folder: string
let guest: FakeGuest
let listener: SshListener
let logged: string[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'listener-'))
  const keys = await ensureKeys(folder)
  logged = []
  guest = await FakeGuest.start({ keys, serve: () => undefined })
  guest.refusesSockets = expect.getState().currentTestName?.includes('refuses') ?? false
  listener = new SshListener({
    target: { port: guest.port, keys },
    log: (message, details) => logged.push(`${message} ${details?.['error'] ?? ''}`),
    path: PATH,
    onStream: (stream: Duplex) => {
      stream.on('error', () => stream.destroy())
      stream.pipe(stream)
    },
  })
})
afterEach(async () => {
  await listener[Symbol.asyncDispose]()
  await guest[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

async function echoed(text: string): Promise<string> {
  const stream = await guest.connectTo(PATH)
  stream.write(text)
  const [answer] = await once(stream, 'data')
  stream.destroy()
  return String(answer)
}

test('what connects to the socket in the guest comes out here', async () => {
  await listener.listening
  expect(await echoed('one')).toBe('one')
  expect(await echoed('two')).toBe('two')
})

test('a lost connection is made again, and the socket with it', async () => {
  await listener.listening
  guest.cut()
  await expect.poll(() => guest.admitted, { timeout: 20_000 }).toBe(2)
  await expect.poll(() => listener.listening.then(() => echoed('back')), { timeout: 20_000 }).toBe('back')
})

test('a guest that refuses is asked again with pauses, on new connections', async () => {
  await expect(listener.listening).rejects.toMatchObject({ kind: 'unavailable' })
  expect(logged[0]).toMatch(/cannot listen \/run\/slipway\/folders\.sock: Unable to bind/)
  await expect.poll(() => guest.admitted, { timeout: 20_000 }).toBeGreaterThan(1)
  guest.refusesSockets = false
  await expect
    .poll(
      () =>
        listener.listening.then(
          () => 'listens',
          () => 'refused',
        ),
      { timeout: 20_000 },
    )
    .toBe('listens')
  expect(guest.admitted).toBeLessThan(20)
})

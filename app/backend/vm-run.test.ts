import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ServerChannel } from 'ssh2'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { RunOutput, TerminalInput } from '../contract.ts'
import { FakeGuest } from '../machine/fake-guest.ts'
import { ensureKeys } from '../machine/keys.ts'
import { Ssh } from '../machine/ssh.ts'
import { runStream } from './vm-run.ts'

/** A guest whose commands are: cat (echo until EOF), both (one line on each stream), die (a signal), tty, hang. */
const talk = (command: string, hasTerminal: boolean) => (channel: ServerChannel) => {
  const end = (code: number) => {
    channel.exit(code)
    channel.end()
  }
  if (command === 'cat') {
    channel.on('data', (data: Buffer) => channel.write(data))
    channel.on('end', () => end(0))
  } else if (command === 'both') {
    channel.write('out')
    channel.stderr.write('err')
    end(3)
  } else if (command === 'die') {
    channel.exit('KILL')
    channel.end()
  } else if (command === 'tty') {
    channel.write(String(hasTerminal))
    end(0)
  } else if (command === 'flood') {
    void flood(channel).then(() => end(0))
  } else if (command === 'hang') {
    channel.resume()
    closed = new Promise((resolve) => channel.on('close', resolve))
  }
}

async function flood(channel: ServerChannel): Promise<void> {
  const blob = Buffer.alloc(300_000, 'x')
  for (let i = 0; i < 20; i++) {
    const stream = i % 2 ? channel : channel.stderr
    await new Promise((resolve) => stream.write(blob, resolve))
  }
}

let folder: string
let guest: FakeGuest
let ssh: Ssh
let closed: Promise<unknown> | undefined

beforeEach(async () => {
  closed = undefined
  folder = await mkdtemp(join(tmpdir(), 'run-'))
  const keys = await ensureKeys(folder)
  guest = await FakeGuest.start({ keys, serve: () => undefined, talk })
  ssh = new Ssh({ target: { port: guest.port, keys }, log: () => undefined })
})
afterEach(async () => {
  await ssh[Symbol.asyncDispose]()
  await guest[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

async function* typed(...texts: string[]): AsyncGenerator<TerminalInput> {
  for (const text of texts) yield { type: 'data', data: Buffer.from(text) }
}

/** What came on each stream, and the last value. */
async function all(stream: AsyncIterable<RunOutput>) {
  const said = { stdout: '', stderr: '' }
  let exit: unknown
  for await (const value of stream) {
    if ('exit' in value) exit = value.exit
    else said[value.stream] += Buffer.from(value.data).toString()
  }
  return { ...said, exit }
}
const run = (command: string, input = typed(), signal = new AbortController().signal) =>
  runStream(ssh, { command }, { input, signal })

test('streams stay apart and the exit code comes last', async () => {
  expect(await all(run('both'))).toEqual({ stdout: 'out', stderr: 'err', exit: { code: 3 } })
})

test('stdin arrives with its end', async () => {
  expect(await all(run('cat', typed('a', 'b\n')))).toEqual({ stdout: 'ab\n', stderr: '', exit: { code: 0 } })
})

test('a signal is told by its name', async () => {
  expect((await all(run('die'))).exit).toEqual({ signal: 'SIGKILL' })
})

test('a terminal only where a size is given', async () => {
  const context = () => ({ input: typed(), signal: new AbortController().signal })
  expect((await all(run('tty'))).stdout).toBe('false')
  const size = { rows: 5, columns: 6 }
  expect((await all(runStream(ssh, { command: 'tty', size }, context()))).stdout).toBe('true')
})

test('much on both streams comes whole', async () => {
  const { stdout, stderr, exit } = await all(run('flood'))
  expect([stdout.length, stderr.length, exit]).toEqual([3_000_000, 3_000_000, { code: 0 }])
})

test('a lost connection is a failure, not an end', async () => {
  const running = all(run('hang'))
  await expect.poll(() => closed !== undefined).toBe(true)
  guest.cut()
  await expect(running).rejects.toMatchObject({ kind: 'unavailable' })
})

test('leaving hangs up', async () => {
  const abort = new AbortController()
  const running = all(run('hang', typed('x'), abort.signal)).catch(() => 'left')
  await expect.poll(() => closed !== undefined).toBe(true)
  abort.abort()
  await closed
  await running
})

import { once } from 'node:events'
import { mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises'
import { createServer, connect as netConnect, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Dial } from '../machine/dial.ts'
import { DockerSocket } from './socket.ts'

let folder: string
let engine: Server
let docker: DockerSocket
let path: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sw-'))
  path = join(folder, 'docker.sock')
  engine = createServer({ allowHalfOpen: true })
  await new Promise<void>((resolve) => engine.listen(join(folder, 'engine.sock'), resolve))
  docker = new DockerSocket({ path, dial, log: () => undefined })
})
afterEach(async () => {
  await docker[Symbol.asyncDispose]()
  engine.close()
  await rm(folder, { recursive: true })
})

const dial: Dial = async () => {
  const socket = netConnect({ path: join(folder, 'engine.sock'), allowHalfOpen: true })
  await once(socket, 'connect')
  return socket
}

async function client(): Promise<Socket> {
  const socket = netConnect({ path })
  await once(socket, 'connect')
  return socket
}
async function textOf(socket: Socket): Promise<string> {
  let text = ''
  for await (const chunk of socket) text += chunk
  return text
}

/** Answers after the client's half is closed, as attach does when stdin ended before the output. */
function echoAfterEnd(): void {
  engine.on('connection', (socket: Socket) => {
    let got = ''
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk) => {
      got += chunk
    })
    socket.on('end', () => setTimeout(() => socket.end(`got ${got}`), 20))
  })
}

test('passes bytes and half-close both ways, privately', async () => {
  echoAfterEnd()
  await docker.open()
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  const socket = await client()
  socket.end('hello')
  expect(await textOf(socket)).toBe('got hello')
})

test('closing refuses new clients and drops the old; opening again serves', async () => {
  echoAfterEnd()
  await docker.open()
  const old = await client()
  const dropped = once(old, 'close')
  old.resume()
  await docker.close()
  await dropped
  await expect(client()).rejects.toMatchObject({ code: 'ENOENT' })
  await docker.open()
  const socket = await client()
  socket.end('again')
  expect(await textOf(socket)).toBe('got again')
})

test('an engine that cannot be reached closes the client at once', async () => {
  await docker[Symbol.asyncDispose]()
  docker = new DockerSocket({ path, dial: () => Promise.reject(new Error('down')), log: () => undefined })
  await docker.open()
  const socket = await client()
  expect(await textOf(socket)).toBe('')
})

test('an engine stream that breaks breaks the client; a client that leaves ends the stream', async () => {
  await docker.open()
  const first = await accepted()
  const closed = once(first.local, 'close')
  first.local.resume()
  first.remote.destroy()
  await closed
  const second = await accepted()
  const gone = once(second.remote, 'close')
  second.remote.resume()
  second.remote.on('end', () => second.remote.end())
  second.local.destroy()
  await gone
})

async function accepted(): Promise<{ local: Socket; remote: Socket }> {
  const connection = once(engine, 'connection')
  const local = await client()
  const [remote] = (await connection) as [Socket]
  return { local, remote }
}

test('a stale file is replaced, a live socket is not stolen', async () => {
  await writeFile(path, '')
  await docker.open()
  const other = new DockerSocket({ path, dial, log: () => undefined })
  await expect(other.open()).rejects.toMatchObject({ kind: 'conflict' })
  expect((await client()).destroy().destroyed).toBe(true)
})

test('a socket left by a killed process is replaced', async () => {
  const dead = createServer()
  await new Promise<void>((resolve) => dead.listen(join(folder, 'dead.sock'), resolve))
  await rename(join(folder, 'dead.sock'), path)
  await new Promise((resolve) => dead.close(resolve))
  await docker.open()
  expect((await client()).destroy().destroyed).toBe(true)
})

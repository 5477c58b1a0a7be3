import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { EngineFixture } from './engine-fixture.ts'
import { EngineHttp } from './http.ts'
import { jsonLines } from './json-lines.ts'

let engine: EngineFixture
let http: EngineHttp
beforeEach(async () => {
  engine = await EngineFixture.create()
  http = new EngineHttp(engine.dial)
})
afterEach(async () => {
  http[Symbol.dispose]()
  await engine[Symbol.asyncDispose]()
})

test('small requests share a connection', async () => {
  engine.server.on('request', (request, response) => response.end(JSON.stringify({ url: request.url })))
  for (let round = 0; round < 5; round++) {
    const answer = await http.json({ path: '/x', query: { a: 'b c', none: undefined, n: 1 } })
    expect(answer).toEqual({ url: '/x?a=b%20c&n=1' })
    await sleep(1)
  }
  expect(engine.dials).toBe(1)
})

test('a connection that is used again and again gathers no listeners', async () => {
  engine.server.on('request', (_request, response) => response.end('{}'))
  const dialled: Duplex[] = []
  const counted = new EngineHttp(async (target, options) => {
    const socket = await engine.dial(target, options)
    dialled.push(socket)
    return socket
  })
  const listeners: number[] = []
  for (let round = 0; round < 6; round++) {
    await counted.json({ path: '/x' })
    await sleep(1)
    listeners.push(dialled[0]?.listenerCount('error') ?? -1)
  }
  counted[Symbol.dispose]()
  expect(dialled).toHaveLength(1)
  expect(listeners.at(-1)).toBe(listeners[0])
})

test('a kept connection that the engine closed meanwhile is replaced', async () => {
  engine.server.on('request', (_request, response) => response.end('{}'))
  await http.json({ path: '/a' })
  await sleep(5)
  engine.server.closeIdleConnections()
  expect(await http.json({ path: '/now' })).toEqual({})
  await sleep(5)
  engine.server.closeIdleConnections()
  await sleep(5)
  expect(await http.json({ path: '/later' })).toEqual({})
  expect(engine.dials).toBe(3)
})

test.each([
  [304, 'not_modified'],
  [400, 'invalid_argument'],
  [404, 'not_found'],
  [409, 'conflict'],
  [500, 'internal'],
  [503, 'unavailable'],
])('status %i is an error of kind %s with the engine’s words', async (status, kind) => {
  engine.server.on('request', (_request, response) => {
    response.statusCode = status
    response.end(status === 304 ? '' : JSON.stringify({ message: 'No such container: x', hint: 'look' }))
  })
  await expect(http.run({ path: '/' })).rejects.toMatchObject(
    status === 304 ? { kind } : { kind, message: 'No such container: x', hint: 'look' },
  )
})

test('a stream is cut off by the signal, as cancelled', async () => {
  let closed = false
  engine.server.on('request', (_request, response) => {
    response.write('{"n":1}\n')
    response.on('close', () => {
      closed = true
    })
  })
  const abort = new AbortController()
  const seen: unknown[] = []
  const reading = (async () => {
    for await (const value of jsonLines(http.bytes({ path: '/', signal: abort.signal }))) {
      seen.push(value)
      abort.abort()
    }
  })()
  await expect(reading).rejects.toMatchObject({ kind: 'cancelled' })
  expect(seen).toEqual([{ n: 1 }])
  await expect.poll(() => closed).toBe(true)
})

test('an answer that breaks off is unavailable, never a silent end', async () => {
  engine.server.on('request', (_request, response) => {
    response.write('x')
    setTimeout(() => response.destroy(), 5)
  })
  await expect(
    (async () => {
      for await (const _ of http.bytes({ path: '/' })) expect(_).toHaveLength(1)
    })(),
  ).rejects.toMatchObject({ kind: 'unavailable' })
})

test('an engine that is not there is unavailable', async () => {
  const none = new EngineHttp(() => Promise.reject(new Error('connection refused')))
  await expect(none.json({ path: '/' })).rejects.toMatchObject({ kind: 'unavailable' })
  none[Symbol.dispose]()
})

test('hijack keeps what came with the headers and closes by halves', async () => {
  engine.server.on('upgrade', (request, socket) => {
    socket.write('HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\n')
    socket.write('Connection: Upgrade\r\nUpgrade: tcp\r\n\r\nearly;')
    expect(request.headers.upgrade).toBe('tcp')
    let got = ''
    socket.on('data', (chunk) => {
      got += chunk
    })
    socket.on('end', () => socket.end(`got ${got}`))
  })
  const { stream, multiplexed } = await http.hijack({ path: '/attach' })
  expect(multiplexed).toBe(true)
  stream.end('stdin')
  let text = ''
  for await (const chunk of stream) text += chunk
  expect(text).toBe('early;got stdin')
})

test('a refused hijack is the engine’s error', async () => {
  engine.server.on('upgrade', (_request, socket) => {
    const body = '{"message":"container x is not running"}'
    socket.end(`HTTP/1.1 409 Conflict\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
  })
  await expect(http.hijack({ path: '/attach' })).rejects.toMatchObject({
    kind: 'conflict',
    message: 'container x is not running',
  })
})

test('a body is streamed and its failure ends the request', async () => {
  engine.server.on('request', async (request, response) => {
    let size = 0
    for await (const chunk of request) size += (chunk as Buffer).length
    response.end(JSON.stringify({ size }))
  })
  async function* body(): AsyncGenerator<Uint8Array> {
    for (let part = 0; part < 10; part++) yield new Uint8Array(100_000)
  }
  expect(await http.json({ method: 'PUT', path: '/', body: body() })).toEqual({ size: 1_000_000 })
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(10)
    throw new Error('disk unplugged')
  }
  await expect(http.json({ method: 'PUT', path: '/', body: broken() })).rejects.toThrow('disk unplugged')
})

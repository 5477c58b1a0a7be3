import { mkdtemp, rm } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as v from 'valibot'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { EngineError } from '../../api/errors.ts'
import type { Route } from './router.ts'
import { HttpServer } from './server.ts'

let aborted: Promise<void>
let sawAbort: () => void
let ended = false
const routes: Route[] = [
  { method: 'GET', path: '/hello/{name}', handler: (ctx) => ctx.send(200, { hello: ctx.param('name') }) },
  { method: 'GET', path: '/images/{name*}/json', handler: (ctx) => ctx.text(200, ctx.param('name')) },
  {
    method: 'POST',
    path: '/strict',
    handler: async (ctx) => ctx.send(201, await ctx.json(v.object({ Size: v.number() }))),
  },
  {
    method: 'POST',
    path: '/silent',
    handler: async (ctx) => {
      const stream = await ctx.hijack({ contentType: 'application/vnd.docker.raw-stream' })
      stream.resume().once('close', () => {
        ended = true
      })
    },
  },
  {
    method: 'GET',
    path: '/missing',
    handler: () => {
      throw new EngineError('not_found', 'No such container: x')
    },
  },
  {
    method: 'GET',
    path: '/forever',
    handler: async (ctx) => {
      await ctx.stream('text/plain', endless(ctx.signal), { eager: true })
      sawAbort()
    },
  },
  {
    method: 'GET',
    path: '/lines',
    handler: (ctx) => ctx.jsonLines(failing(ctx.flag('early'))),
  },
  {
    method: 'POST',
    path: '/echo',
    handler: async (ctx) => {
      const { prefix } = await ctx.json(v.object({ prefix: v.optional(v.string(), '') }), { optional: true })
      if (prefix === 'refuse') throw new EngineError('conflict', 'refused')
      const stream = await ctx.hijack({ contentType: 'application/vnd.docker.raw-stream' })
      stream.write(prefix)
      stream.on('data', (chunk) => stream.write(chunk))
      stream.on('end', () => stream.end('|eof'))
    },
  },
]

async function* endless(signal: AbortSignal): AsyncIterable<Uint8Array> {
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
  yield* []
}

async function* failing(early: boolean): AsyncIterable<unknown> {
  if (early) throw new EngineError('invalid_argument', 'too early')
  yield { status: 'one' }
  throw new EngineError('unavailable', 'cut off')
}

let folder: string
let path: string
let server: HttpServer

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'http-'))
  path = join(folder, 's')
  aborted = new Promise((resolve) => {
    sawAbort = resolve
  })
  server = new HttpServer({ routes, onError: () => undefined })
  await server.listen(path)
})
afterEach(async () => {
  await server[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

function ask(method: string, url: string, body?: string, type = 'application/json') {
  return new Promise<{ status: number; text: string; headers: Record<string, unknown> }>(
    (resolve, reject) => {
      const request = httpRequest(
        { socketPath: path, method, path: url, headers: body === undefined ? {} : { 'content-type': type } },
        async (response) => {
          let text = ''
          try {
            for await (const chunk of response) text += chunk
          } catch {
            text += '<cut>'
          }
          resolve({ status: response.statusCode ?? 0, text, headers: response.headers })
        },
      )
      request.on('error', reject)
      request.end(body)
    },
  )
}

function raw(bytes: string, options: { end?: boolean; later?: string } = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path, allowHalfOpen: true })
    let text = ''
    let sent = false
    socket.on('data', (chunk) => {
      text += chunk
      if (!sent && text.includes('\r\n\r\n')) {
        sent = true
        if (options.later !== undefined) socket.write(options.later)
        if (options.end !== false) socket.end()
      }
    })
    socket.on('end', () => resolve(text))
    socket.on('error', reject)
    socket.write(bytes)
  })
}

describe('requests', () => {
  it('routes with and without a version, decodes parameters, sends the engine headers', async () => {
    const answer = await ask('GET', '/v1.47/hello/a%2Fb')
    expect(answer).toMatchObject({ status: 200, text: '{"hello":"a/b"}\n' })
    expect(answer.headers).toMatchObject({ 'api-version': '1.51', ostype: 'linux' })
    expect(await ask('GET', '/images/a/b:c/json')).toMatchObject({ status: 200, text: 'a/b:c' })
  })

  it.each([
    ['GET', '/nothing', undefined, 404, 'page not found'],
    ['POST', '/hello/x', undefined, 404, 'page not found'],
    [
      'GET',
      '/v1.99/hello/x',
      undefined,
      400,
      'client version 1.99 is too new. Maximum supported API version is 1.51',
    ],
    ['GET', '/missing', undefined, 404, 'No such container: x'],
    ['POST', '/strict', '', 400, 'invalid JSON: got EOF while reading request body'],
    ['GET', '/lines?early=1', undefined, 400, 'too early'],
  ])('%s %s is refused', async (method, url, body, status, message) => {
    expect(await ask(method, url, body)).toMatchObject({ status, text: `${JSON.stringify({ message })}\n` })
  })

  it('names the field that is wrong in a body, and the content type', async () => {
    const wrong = await ask('POST', '/strict', '{"Size":"big"}')
    expect(wrong.status).toBe(400)
    expect(wrong.text).toContain('Size')
    expect((await ask('POST', '/strict', '{"Size":1}', 'text/plain')).text).toContain('text/plain')
    expect((await ask('POST', '/strict', '{"Size":1')).text).toContain('invalid JSON: unexpected EOF')
    expect((await ask('POST', '/strict', '{"Size":1}', '')).text).toContain(
      'malformed Content-Type header (): mime: no media type',
    )
    expect((await ask('POST', '/strict', '{"size":"big"}')).text).toContain('cannot unmarshal string')
  })

  it('tells clients that are too old in plain text', async () => {
    const answer = await ask('GET', '/v1.23/hello/x')
    expect(answer).toMatchObject({
      status: 400,
      text: 'client version 1.23 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version\n',
    })
    expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8')
  })

  it.each([
    ['//hello/x', '/hello/x'],
    ['/v1.47//hello/x?a=%2F', '/v1.47/hello/x?a=%2F'],
    ['/hello/../info', '/info'],
    ['/hello/%2e%2e/x', '/x'],
  ])('sends %s to %s', async (url, location) => {
    expect(await ask('GET', url)).toMatchObject({ status: 301, text: '', headers: { location } })
  })

  it('answers OPTIONS of any path with nothing', async () => {
    expect(await ask('OPTIONS', '/nothing')).toMatchObject({ status: 200, text: '' })
  })

  it('tells a failure after the first line in a last line', async () => {
    const { status, text } = await ask('GET', '/lines')
    expect(status).toBe(200)
    expect(
      text
        .trim()
        .split('\r\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([{ status: 'one' }, { errorDetail: { message: 'cut off' }, error: 'cut off' }])
  })

  it('fires the signal when the client goes away', async () => {
    const socket = connect(path)
    socket.write('GET /forever HTTP/1.1\r\nHost: x\r\n\r\n')
    await new Promise((resolve) => socket.once('data', resolve))
    socket.destroy()
    await aborted
  })
})

describe('hijack', () => {
  const upgrade = 'Connection: Upgrade\r\nUpgrade: tcp\r\n'

  it('keeps bytes that came with the headers and sees half-close', async () => {
    const answer = await raw(`POST /echo HTTP/1.1\r\nHost: x\r\n${upgrade}\r\nearly `, { later: 'late' })
    expect(answer).toMatch(/^HTTP\/1.1 101 UPGRADED\r\nContent-Type: application\/vnd.docker.raw-stream\r\n/)
    expect(answer).toMatch(/\r\n\r\nearly late\|eof$/)
  })

  it('reads a JSON body before the raw stream', async () => {
    const body = '{"prefix":"> "}'
    const head = `POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n${upgrade}\r\n`
    expect(await raw(`${head}${body}early `, { later: 'late' })).toMatch(/\r\n\r\n> early late\|eof$/)
    expect(await raw(`${head}${body}`, { later: 'late' })).toMatch(/\r\n\r\n> late\|eof$/)
  })

  it('answers a failure before the upgrade as an ordinary response', async () => {
    const body = '{"prefix":"refuse"}'
    const head = `POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n${upgrade}\r\n`
    const answer = await raw(`${head}${body}`)
    expect(answer).toMatch(/^HTTP\/1.1 409 Conflict\r\n/)
    expect(answer).toContain('{"message":"refused"}')
  })

  it('ends with a client that said everything before and then goes away', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    try {
      const socket = connect({ path, allowHalfOpen: true })
      socket.write(`POST /silent HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n`)
      await new Promise((resolve) => socket.once('data', resolve))
      socket.end()
      await expect.poll(() => vi.getTimerCount()).toBeGreaterThan(0)
      vi.advanceTimersByTime(20_000)
      expect(ended).toBe(false)
      socket.destroy()
      await expect
        .poll(() => {
          vi.advanceTimersByTime(20_000)
          return ended
        })
        .toBe(true)
    } finally {
      vi.useRealTimers()
    }
  })

  it('answers 200 and the stream as body to clients that do not upgrade', async () => {
    const answer = await raw('POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n', { end: false })
    expect(answer).toMatch(/^HTTP\/1.1 200 OK\r\n/)
    expect(answer).toMatch(/\|eof$/)
  })
})

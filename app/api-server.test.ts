import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { EngineError } from '../vm/api/errors.ts'
import { createApiServer } from './api-server.ts'
import { ControlClient } from './control-client.ts'
import { Dispatcher, type MethodHandlers, type StreamHandlers } from './dispatch.ts'
import { listenLocal } from './engine/local-socket.ts'
import { Log } from './shell/log.ts'
import { WebServer } from './web-server.ts'

let folder: string
let web: WebServer
let client: ControlClient
let control: ReturnType<typeof createApiServer>
let started = false
let aborted: string[]
let sent: number

/** The real dispatcher over the few handlers that these tests call. */
function dispatcher(): Dispatcher {
  const methods: Partial<MethodHandlers> = {
    'containers.readFile': async ([id, path]) => new TextEncoder().encode(`${id}${path}`),
    'containers.rename': ([id]) => {
      throw new EngineError('not_found', `No such container: ${id}`, { hint: 'look' })
    },
    'machine.start': async (_args, { signal }) => {
      started = true
      await sleep(60_000, undefined, { signal }).catch(() => aborted.push('machine.start'))
    },
    'containers.stop': ([, timeout]) => {
      expect(timeout).toBeUndefined()
    },
  }
  const streams: Partial<StreamHandlers> = {
    'containers.download': async function* (_args, { signal }) {
      signal.addEventListener('abort', () => aborted.push('download'))
      for (;;) {
        sent++
        yield new Uint8Array(50_000)
      }
    },
    'containers.terminal': async function* (_args, { input }) {
      for await (const message of input) if (message.type === 'data') yield message.data
      yield new TextEncoder().encode('bye')
    },
    'images.push': async function* () {
      yield { status: 'one' }
      throw new EngineError('conflict', 'refused')
    },
  }
  return new Dispatcher({
    methods: methods as MethodHandlers,
    streams: streams as StreamHandlers,
    log: new Log(join(folder, 'app.log')),
  })
}

beforeEach(async () => {
  aborted = []
  sent = 0
  folder = await mkdtemp(join(tmpdir(), 'sw-api-'))
  await mkdir(join(folder, 'page'))
  await writeFile(join(folder, 'page', 'index.html'), '<!doctype html>page')
  const log = new Log(join(folder, 'app.log'))
  web = await WebServer.listen({ dispatcher: dispatcher(), folder: join(folder, 'page'), port: 0, log })
  control = createApiServer({ dispatcher: dispatcher(), refuse: () => undefined })
  await listenLocal(control, join(folder, 'control.sock'))
  client = new ControlClient(join(folder, 'control.sock'))
})
afterEach(async () => {
  await web[Symbol.asyncDispose]()
  control.closeAllConnections()
  control.close()
  await rm(folder, { recursive: true })
})

test('a call answers its value with bytes as bytes, and its failure with kind and hint', async () => {
  const bytes = await client.call('containers.readFile', ['web', '/etc'])
  expect(new TextDecoder().decode(bytes)).toBe('web/etc')
  await client.call('containers.stop', ['web'])
  await expect(client.call('containers.rename', ['x', 'y'])).rejects.toMatchObject({
    kind: 'not_found',
    message: 'No such container: x',
    hint: 'look',
  })
})

test('arguments that do not fit are refused with their name; an unknown method too', async () => {
  await expect(client.call('containers.stop', ['web', -1])).rejects.toMatchObject({
    kind: 'invalid_argument',
    message: expect.stringMatching(/^containers\.stop: 1: /),
  })
  await expect(client.call('toString' as 'app.info', [])).rejects.toMatchObject({ kind: 'not_found' })
})

test('giving up a call aborts its handler', async () => {
  const abort = new AbortController()
  const call = expect(client.call('machine.start', [], { signal: abort.signal }))
  await expect.poll(() => started).toBe(true)
  abort.abort()
  await call.rejects.toMatchObject({ kind: 'cancelled' })
  await expect.poll(() => aborted).toEqual(['machine.start'])
})

test('a stream stops at the reader’s pace and is aborted when the reader leaves', async () => {
  const stream = client.open('containers.download', ['web', '/'])
  await stream.next()
  await sleep(100)
  expect(sent).toBeLessThan(8)
  await stream.return()
  await expect.poll(() => aborted).toEqual(['download'])
})

test('both directions at once; the client’s end reaches the handler', async () => {
  async function* input() {
    yield { type: 'data', data: new TextEncoder().encode('echo') } as const
    yield { type: 'resize', size: { rows: 1, columns: 1 } } as const
  }
  const target = { kind: 'vm', size: { rows: 24, columns: 80 } } as const
  let text = ''
  for await (const data of client.open('containers.terminal', [target], { input: input() })) {
    text += new TextDecoder().decode(data)
  }
  expect(text).toBe('echobye')
})

test('a stream’s failure comes after its values, as what it was', async () => {
  const seen: unknown[] = []
  const reading = (async () => {
    for await (const value of client.open('images.push', ['x'])) seen.push(value)
  })()
  await expect(reading).rejects.toMatchObject({ kind: 'conflict', message: 'refused' })
  expect(seen).toEqual([{ status: 'one' }])
  await expect(client.open('images.push', ['']).next()).rejects.toMatchObject({ kind: 'invalid_argument' })
})

test('without a process behind the socket, the client says so', async () => {
  const none = new ControlClient(join(folder, 'none.sock'))
  await expect(none.call('app.info', [])).rejects.toMatchObject({ kind: 'unavailable' })
  await expect(none.open('events', []).next()).rejects.toMatchObject({ kind: 'unavailable' })
})

interface Answer {
  status: number
  text: string
  headers: Record<string, string | string[] | undefined>
}

async function http(path: string, headers: Record<string, string> = {}, body?: string): Promise<Answer> {
  const { port } = new URL(web.address())
  const message = request({
    host: '127.0.0.1',
    port,
    path,
    headers,
    method: body === undefined ? 'GET' : 'POST',
  })
  message.end(body)
  const [response] = (await once(message, 'response')) as [
    AsyncIterable<Buffer> & { statusCode: number } & Answer,
  ]
  let text = ''
  for await (const chunk of response) text += chunk
  return { status: response.statusCode, text, headers: response.headers }
}

async function session(): Promise<{ cookie: string; host: string }> {
  const address = new URL(web.address())
  const { status, headers } = await http(`/${address.search}`)
  expect(status).toBe(303)
  const [cookie = ''] = headers['set-cookie'] as string[]
  expect(cookie).toMatch(/; HttpOnly; SameSite=Strict; Path=\/$/)
  return { cookie: cookie.split(';')[0] ?? '', host: address.host }
}

test('a token opens the page once; the page comes with its policy', async () => {
  const { search } = new URL(web.address())
  expect((await http(`/${search}`)).status).toBe(303)
  expect((await http(`/${search}`)).status).toBe(401)
  expect((await http('/')).status).toBe(401)
  const { cookie } = await session()
  const page = await http('/', { cookie })
  expect(page).toMatchObject({ status: 200, text: '<!doctype html>page' })
  expect(page.headers['content-security-policy']).toMatch(/script-src 'self';/)
  expect(page.headers['content-security-policy']).not.toMatch(/script-src[^;]*unsafe/)
})

test.each(['/../app.log', '/%2e%2e/app.log', '/..%2fapp.log', '/index.html%00.js', '/nothing.js'])(
  'the page folder cannot be left: %s',
  async (path) => {
    const { cookie } = await session()
    expect((await http(path, { cookie })).status).toBe(404)
  },
)

test('calls need the cookie, our host and our origin', async () => {
  const { cookie, host } = await session()
  const type = { 'content-type': 'application/json' }
  const body = '["a","/b"]'
  const call = (headers: Record<string, string>) => http('/api/call/containers.readFile', headers, body)
  expect((await call({ ...type, cookie })).status).toBe(200)
  expect((await call({ ...type, cookie, origin: `http://${host}` })).status).toBe(200)
  expect((await call(type)).status).toBe(401)
  expect((await call({ ...type, cookie: `${cookie}x` })).status).toBe(401)
  expect((await call({ ...type, cookie, origin: 'http://evil.example' })).status).toBe(403)
  expect((await call({ ...type, cookie, origin: 'null' })).status).toBe(403)
  expect((await call({ ...type, cookie, host: 'evil.example' })).status).toBe(403)
  expect((await call({ cookie, 'content-type': 'text/plain' })).status).toBe(400)
})

test('streams need them too', async () => {
  const { cookie, host } = await session()
  const connect = async (headers: Record<string, string>): Promise<number> => {
    const ws = new WebSocket(`ws://${host}/api/stream/events`, { headers })
    return await new Promise((resolve) => {
      ws.on('open', () => {
        ws.terminate()
        resolve(101)
      })
      ws.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0))
      ws.on('error', () => undefined)
    })
  }
  const origin = `http://${host}`
  expect(await connect({ cookie, origin })).toBe(101)
  expect(await connect({ origin })).toBe(401)
  expect(await connect({ cookie })).toBe(403)
  expect(await connect({ cookie, origin: 'http://evil.example' })).toBe(403)
  expect(await connect({ cookie, origin, host: 'evil.example' })).toBe(403)
})

test('a stream that begins with anything but open, or is no frame, is refused', async () => {
  const { cookie, host } = await session()
  for (const message of ['{"type":"end"}', 'nonsense']) {
    const ws = new WebSocket(`ws://${host}/api/stream/events`, {
      headers: { cookie, origin: `http://${host}` },
    })
    await once(ws, 'open')
    ws.send(message)
    const [answer] = await once(ws, 'message')
    expect(JSON.parse(String(answer))).toMatchObject({ type: 'error', error: { kind: 'invalid_argument' } })
    ws.terminate()
  }
})

test('closing does not wait for pages whose streams are open', async () => {
  const { cookie, host } = await session()
  const ws = new WebSocket(`ws://${host}/api/stream/containers.download`, {
    headers: { cookie, origin: `http://${host}` },
  })
  await once(ws, 'open')
  const closed = once(ws, 'close')
  ws.on('error', () => undefined)
  await web[Symbol.asyncDispose]()
  await closed
})

import { once } from 'node:events'
import { createServer, connect as dial, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { EngineError } from '../../../api/errors.ts'
import { GrpcClient } from './grpc-client.ts'
import { frame, frames } from './grpc-frames.ts'
import { type Methods, serveGrpc, streaming, unary } from './grpc-server.ts'
import { int, message, string } from './proto.ts'

const Text = message({ text: string(1), times: int(2) })
const types = { request: Text, answer: Text }
let server: Server
let socket: Socket
let client: GrpcClient
let cancelled: Promise<void>
/** Calls of `Wait` that have arrived. */
let waiting: number
const failures: string[] = []

beforeEach(async () => {
  waiting = 0
  let onCancelled: () => void
  cancelled = new Promise((resolve) => {
    onCancelled = resolve
  })
  const methods: Methods = {
    '/t/Echo': unary(Text, Text, async ({ text }) => ({ text: `${text}!` })),
    '/t/Count': streaming(Text, Text, async function* ({ times }) {
      for (let n = 1; n <= times; n++) yield { text: 'x'.repeat(50_000), times: n }
    }),
    '/t/Fail': unary(Text, Text, async ({ text }) => {
      if (text === 'own') throw new TypeError('a bug')
      throw new EngineError('not_found', 'größe 100% not found')
    }),
    '/t/Wait': unary(Text, Text, async (_request, { signal }) => {
      waiting++
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      onCancelled()
      return {}
    }),
    '/t/Both': async (call) => {
      for await (const bytes of call.messages) await call.send(bytes)
    },
  }
  server = createServer(
    (stream) => void serveGrpc(stream, methods, (error, what) => failures.push(`${what}: ${error}`)),
  )
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  socket = dial(typeof address === 'object' && address ? address.port : 0, '127.0.0.1')
  await once(socket, 'connect')
  client = new GrpcClient(socket)
})
afterEach(async () => {
  client.close()
  socket.destroy()
  server.close()
  await once(server, 'close')
})

it('answers, streams with back-pressure and fails in the peer’s words', async () => {
  expect(await client.unary('/t/Echo', types, { text: 'ü' })).toEqual({ text: 'ü!', times: 0 })
  const call = client.call('/t/Count', { 'x-list': ['a', 'b'] })
  await call.send(Text.encode({ times: 30 }))
  call.end()
  const counts: number[] = []
  for await (const bytes of call.messages) counts.push(Text.decode(bytes).times)
  expect(counts).toHaveLength(30)
  await expect(client.unary('/t/Fail', types, {})).rejects.toMatchObject({
    kind: 'not_found',
    message: 'größe 100% not found',
  })
  await expect(client.unary('/t/Nosuch', types, {})).rejects.toMatchObject({ kind: 'not_implemented' })
  expect(failures).toEqual([])
  await expect(client.unary('/t/Fail', types, { text: 'own' })).rejects.toThrow('a bug')
  expect(failures).toEqual(['/t/Fail: TypeError: a bug'])
})

it('speaks in both directions at once', async () => {
  const call = client.call('/t/Both', {})
  const answers = call.messages[Symbol.asyncIterator]()
  for (const text of ['one', 'two']) {
    await call.send(Text.encode({ text }))
    const { value } = await answers.next()
    expect(Text.decode(value).text).toBe(text)
  }
  call.end()
  expect((await answers.next()).done).toBe(true)
})

it('tells the other side of a cancelled call, and its own of a lost connection', async () => {
  const abort = new AbortController()
  const given = expect(client.unary('/t/Wait', types, {}, { signal: abort.signal })).rejects.toThrow()
  await expect.poll(() => waiting).toBe(1)
  abort.abort()
  await given
  await cancelled
  const lost = expect(client.unary('/t/Wait', types, {})).rejects.toThrow()
  await expect.poll(() => waiting).toBe(2)
  socket.destroy()
  await lost
  if (!client.closed.aborted) await once(client.closed, 'abort')
  expect(() => client.call('/t/Echo', {})).toThrow('the session of the client has ended')
})

it('reads messages however they are cut', async () => {
  const bytes = Buffer.concat([
    frame(Buffer.from('one')),
    frame(Buffer.alloc(0)),
    frame(Buffer.from('three')),
  ])
  async function* single() {
    for (const byte of bytes) yield Buffer.from([byte])
  }
  const found: string[] = []
  for await (const item of frames(single())) found.push(item.toString())
  expect(found).toEqual(['one', '', 'three'])
  const cut = async () => {
    for await (const _item of frames(
      (async function* () {
        yield bytes.subarray(0, 7)
      })(),
    ));
  }
  await expect(cut()).rejects.toMatchObject({ kind: 'data_loss' })
})

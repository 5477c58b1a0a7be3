import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { afterEach, expect, test } from 'vitest'
import { DatagramDecoder, encodeDatagram } from '../../vm/api/datagrams.ts'
import type { EngineError } from '../../vm/api/errors.ts'
import type { Forward } from '../../vm/api/slipway.ts'
import type { Dial } from '../machine/dial.ts'
import { PortForwarder } from './forwarder.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const web = { containerId: 'c'.repeat(64), containerName: 'web' }
const other = { containerId: 'd'.repeat(64), containerName: 'other' }
const forward = (more: Partial<Forward> = {}): Forward => ({
  protocol: 'tcp',
  hostIp: '127.0.0.1',
  hostPort: 0,
  containerIp: '172.17.0.2',
  containerPort: 80,
  ...more,
})

/** A "container": what a dial to any address reaches, through real sockets. */
async function container(serve: (socket: Socket) => void): Promise<Dial & { targets: unknown[] }> {
  const server = createServer({ allowHalfOpen: true }, serve)
  await listening(server)
  const targets: unknown[] = []
  const dial = async (target: unknown) => {
    targets.push(target)
    const socket = connect({ port: portOf(server), allowHalfOpen: true })
    await once(socket, 'connect')
    return socket
  }
  return Object.assign(dial as Dial, { targets })
}

async function listening(server: Server, host = '127.0.0.1'): Promise<void> {
  server.listen(0, host)
  await once(server, 'listening')
  cleanups.push(() => server.close())
}
function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address ? address.port : 0
}
function forwarder(dial: Dial): PortForwarder {
  const made = new PortForwarder({ dial, enginePath: '/engine.sock' })
  cleanups.push(() => made[Symbol.asyncDispose]())
  return made
}
async function exchange(port: number, text: string, host = '127.0.0.1'): Promise<string> {
  const socket = connect({ port, host, allowHalfOpen: true })
  socket.end(text)
  let answer = ''
  for await (const chunk of socket) answer += chunk
  return answer
}
/** Answers only once the client has said everything: needs half-close both ways. */
const echoAtEnd = (socket: Socket) => {
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk
  })
  socket.on('end', () => socket.end(`[${text}]`))
}
const fails = (promise: Promise<unknown>): Promise<EngineError> =>
  promise.then(
    () => {
      throw new Error('did not fail')
    },
    (error) => error,
  )

test('an empty host address listens on the loopback of both families, half-close goes through', async () => {
  const dial = await container(echoAtEnd)
  const ports = forwarder(dial)
  const [opened] = await ports.expose(web, [forward({ hostIp: '' })])
  expect(opened?.bound).toEqual(['127.0.0.1', '::1'])
  const port = opened?.hostPort ?? 0
  expect(await exchange(port, 'four')).toBe('[four]')
  expect(await exchange(port, 'six', '::1')).toBe('[six]')
  expect(dial.targets).toEqual([
    { host: '172.17.0.2', port: 80 },
    { host: '172.17.0.2', port: 80 },
  ])
})

test('the double model dials the VM’s own published port', async () => {
  const dial = await container(echoAtEnd)
  const ports = forwarder(dial)
  const [same, other] = await ports.expose(web, [
    forward({ via: { ip: '10.0.2.15', port: 0 } }),
    forward({ via: { ip: '10.0.2.15', port: 49153 } }),
  ])
  await exchange(same?.hostPort ?? 0, 'x')
  await exchange(other?.hostPort ?? 0, 'x')
  expect(dial.targets).toEqual([
    { host: '10.0.2.15', port: same?.hostPort },
    { host: '10.0.2.15', port: 49153 },
  ])
})

test('200 connections at a time', async () => {
  const ports = forwarder(await container(echoAtEnd))
  const [opened] = await ports.expose(web, [forward()])
  const port = opened?.hostPort ?? 0
  const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => exchange(port, `n${i}`)))
  expect(answers).toEqual(Array.from({ length: 200 }, (_, i) => `[n${i}]`))
})

test('a slow reader slows its writer instead of filling memory', async () => {
  let sent = 0
  const ports = forwarder(
    await container((socket) => {
      const chunk = Buffer.alloc(65536)
      const more = () => {
        while (!socket.destroyed && sent < 256 << 20) {
          sent += chunk.length
          if (!socket.write(chunk)) break
        }
      }
      socket.on('drain', more).on('error', () => socket.destroy())
      more()
    }),
  )
  const [opened] = await ports.expose(web, [forward()])
  const socket = connect(opened?.hostPort ?? 0, '127.0.0.1')
  await once(socket, 'connect')
  socket.pause()
  await new Promise((resolve) => setTimeout(resolve, 500))
  expect(sent).toBeLessThan(64 << 20)
  socket.destroy()
})

test('a container that refuses resets the client', async () => {
  const ports = forwarder(() => Promise.reject(new Error('connection refused')))
  const [opened] = await ports.expose(web, [forward()])
  const error = await exchange(opened?.hostPort ?? 0, 'x').catch((e: NodeJS.ErrnoException) => e)
  expect((error as NodeJS.ErrnoException).code).toBe('ECONNRESET')
  expect(ports.list()[0]?.error).toBe('connection refused')
})

test('a connection that breaks behind us breaks for the client, not ends', async () => {
  const ports = forwarder(
    await container((socket) => {
      socket.write('half an ans', () => socket.resetAndDestroy())
    }),
  )
  const [opened] = await ports.expose(web, [forward()])
  const socket = connect({ port: opened?.hostPort ?? 0, host: '127.0.0.1' })
  socket.on('data', () => undefined)
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException]
  expect(error.code).toBe('ECONNRESET')
})

test('a taken port says so in Docker’s words, names the holder and the next free one', async () => {
  const holder = createServer()
  await listening(holder)
  const port = portOf(holder)
  const ports = forwarder(await container(echoAtEnd))
  const error = await fails(ports.expose(web, [forward({ hostIp: '', hostPort: port })]))
  expect(error.kind).toBe('conflict')
  expect(error.message).toContain(`Bind for 0.0.0.0:${port} failed: port is already allocated`)
  if (process.platform === 'linux') expect(error.message).toContain(`(pid ${process.pid})`)
  expect(error.details?.['next']).toBeGreaterThan(port)
  expect(ports.list()).toEqual([])
})

test('expose is all or nothing', async () => {
  const holder = createServer()
  await listening(holder)
  const ports = forwarder(await container(echoAtEnd))
  const [free] = await ports.expose(web, [forward()])
  await ports.unexpose(web, [free ?? forward()])
  const freePort = free?.hostPort ?? 0
  await fails(ports.expose(web, [forward({ hostPort: freePort }), forward({ hostPort: portOf(holder) })]))
  expect(ports.list()).toEqual([])
  expect((await ports.probe('127.0.0.1', freePort, 'tcp')).free).toBe(true)
})

test('another container’s port is refused naming it, one’s own twice as well', async () => {
  const ports = forwarder(await container(echoAtEnd))
  const [opened] = await ports.expose(web, [forward()])
  const hostPort = opened?.hostPort ?? 0
  expect((await fails(ports.expose(other, [forward({ hostPort })]))).message).toContain(
    'held by container web',
  )
  await ports.unexpose(web, [opened ?? forward()])
  const twice = await fails(
    ports.expose(web, [forward({ hostPort }), forward({ hostPort, containerPort: 81 })]),
  )
  expect(twice.message).toContain('port is already allocated')
})

test('a range takes its first free port', async () => {
  const holder = createServer()
  await listening(holder)
  const first = portOf(holder)
  const ports = forwarder(await container(echoAtEnd))
  const [opened] = await ports.expose(web, [forward({ hostPort: first, hostPortEnd: first + 20 })])
  expect(opened?.hostPort).toBeGreaterThan(first)
  expect(opened?.hostPortEnd).toBeUndefined()
})

test('a new target of the same port leaves open connections alone', async () => {
  const dial = await container((socket) => socket.pipe(socket))
  const ports = forwarder(dial)
  const [opened] = await ports.expose(web, [forward()])
  const hostPort = opened?.hostPort ?? 0
  const old = connect(hostPort, '127.0.0.1')
  old.write('one')
  await once(old, 'data')
  await ports.expose(web, [forward({ hostPort, containerPort: 81 })])
  old.write('two')
  expect(String((await once(old, 'data'))[0])).toBe('two')
  old.destroy()
  await exchange(hostPort, 'x')
  expect(dial.targets.at(-1)).toEqual({ host: '172.17.0.2', port: 81 })
})

test('unexpose closes listener and connections of that port only', async () => {
  const ports = forwarder(await container((socket) => socket.pipe(socket)))
  const [first, second] = await ports.expose(web, [forward(), forward({ containerPort: 81 })])
  const one = connect(first?.hostPort ?? 0, '127.0.0.1')
  const two = connect(second?.hostPort ?? 0, '127.0.0.1')
  one.write('x')
  two.write('x')
  await Promise.all([once(one, 'data'), once(two, 'data')])
  await ports.unexpose(web, [first ?? forward()])
  await once(one, 'close')
  two.write('still')
  expect(String((await once(two, 'data'))[0])).toBe('still')
  two.destroy()
})

test('sync keeps what is wanted, drops the rest, and retries what is taken', async () => {
  const holder = createServer()
  await listening(holder)
  const taken = portOf(holder)
  const ports = forwarder(await container(echoAtEnd))
  const [kept, stale] = await ports.expose(web, [forward(), forward({ containerPort: 81 })])
  const answers = await ports.sync([
    { ...(kept ?? forward()), ...web },
    { ...forward({ hostPort: taken }), ...other },
  ])
  expect(answers.map((answer) => answer.bound)).toEqual([['127.0.0.1'], []])
  expect(ports.list().map((s) => [s.containerName, s.listening])).toEqual([
    ['web', true],
    ['other', false],
  ])
  expect((await ports.probe('127.0.0.1', stale?.hostPort ?? 0, 'tcp')).free).toBe(true)
  holder.close()
  await expect.poll(() => ports.list().every((s) => s.listening)).toBe(true)
})

test('datagrams travel framed, each client with replies of its own', async () => {
  const opened: string[] = []
  const dial: Dial = async () => {
    const [near, far] = pair()
    far.once('data', (head: Buffer) => {
      opened.push(String(head).split('\r\n')[0] ?? '')
      far.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: slipway-udp\r\n\r\n')
      const decoder = new DatagramDecoder()
      far.on('data', (chunk: Buffer) => {
        for (const { flow, data } of decoder.push(chunk)) {
          far.write(encodeDatagram({ flow, data: Buffer.from(`re:${Buffer.from(data)}`) }))
        }
      })
    })
    return near
  }
  const ports = forwarder(dial)
  const [udp] = await ports.expose(web, [forward({ protocol: 'udp', containerPort: 53 })])
  const ask = async (text: string) => {
    const socket = createSocket('udp4')
    socket.send(text, udp?.hostPort ?? 0, '127.0.0.1')
    const [reply] = await once(socket, 'message')
    socket.close()
    return String(reply)
  }
  expect(await Promise.all([ask('a'), ask('b')])).toEqual(['re:a', 're:b'])
  expect(opened).toEqual(['POST /slipway/udp?host=172.17.0.2&port=53 HTTP/1.1'])
})

/** Two ends of one connection. */
function pair(): [Duplex, Duplex] {
  const ends: Duplex[] = []
  const make = (peer: () => Duplex | undefined) =>
    new Duplex({
      read: () => undefined,
      write: (chunk, _encoding, done) => {
        peer()?.push(chunk)
        done()
      },
      final: (done) => {
        peer()?.push(null)
        done()
      },
    })
  const near = make(() => ends[1])
  const far = make(() => ends[0])
  ends.push(near, far)
  return [near, far]
}

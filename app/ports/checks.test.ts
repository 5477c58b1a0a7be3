import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import type { Dial } from '../machine/dial.ts'
import { PortForwarder } from './forwarder.ts'
import { QemuPaths } from './qemu-path.ts'
import { listenTcp } from './tcp-listener.ts'
import { listenUdp } from './udp-listener.ts'

const web = { containerId: 'c', containerName: 'web' }
const forward = {
  protocol: 'tcp',
  hostIp: '',
  hostPort: 0,
  containerIp: '172.17.0.2',
  containerPort: 80,
} as const

/** A QEMU whose forwards are real listeners; `serve` decides what becomes of their connections. */
class Qemu {
  readonly servers = new Map<number, { server: Server; target: string }>()
  readonly sockets = new Map<number, { socket: UdpSocket; target: string }>()
  serve: (socket: Socket, target: string) => void = (socket, target) => socket.end(`qemu ${target}`)

  async run(_command: string, args: Readonly<Record<string, unknown>>): Promise<unknown> {
    const line = String(args['command-line'])
    if (line === 'info usernet') return this.#table()
    const words = /^hostfwd_(add|remove) net (tcp|udp):[\d.]+:(\d+)-?(\S*)$/.exec(line)
    const [, verb, protocol, text, target = ''] = words ?? []
    const port = Number(text)
    if (verb === 'remove') this.remove(port)
    else if (protocol === 'udp') {
      const socket = createSocket('udp4').bind(port, '127.0.0.1')
      socket.on('message', (data, from) => socket.send(`qemu ${target} ${data}`, from.port))
      await once(socket, 'listening')
      this.sockets.set(port, { socket, target })
    } else {
      const server = createServer((socket) => this.serve(socket, target)).listen(port, '127.0.0.1')
      await once(server, 'listening')
      this.servers.set(port, { server, target })
    }
    return ''
  }

  remove(port: number): void {
    this.servers.get(port)?.server.close()
    this.servers.delete(port)
    this.sockets.get(port)?.socket.close()
    this.sockets.delete(port)
  }

  #table(): string {
    const row = (protocol: string) => {
      return ([port, { target }]: [number, { target: string }]) =>
        `${protocol}[HOST_FORWARD] 9 127.0.0.1 ${port} ${target.replace(':', ' ')} 0 0`
    }
    return [...[...this.servers].map(row('TCP')), ...[...this.sockets].map(row('UDP'))].join('\n')
  }

  get ports(): number[] {
    return [...this.servers.keys(), ...this.sockets.keys()]
  }
}

let qemu = new Qemu()
let logged: string[] = []
afterEach(() => {
  for (const port of qemu.ports) qemu.remove(port)
  qemu = new Qemu()
  logged = []
})

/** What QEMU does with a connection that the guest does not take. */
const reset = (socket: Socket): void => {
  setTimeout(() => socket.resetAndDestroy(), 20)
}

/** SSH, whose connections always get through. */
const overSsh: Dial = async () => {
  const server = createServer((socket) => socket.end('ssh')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const socket = connect(typeof address === 'object' && address ? address.port : 0, '127.0.0.1')
  await once(socket, 'connect')
  server.close()
  return socket
}

function forwarder(dial: Dial = overSsh): PortForwarder {
  const paths = new QemuPaths((command, args) => qemu.run(command, args))
  return new PortForwarder({
    dial,
    enginePath: '',
    openPath: (target) => paths.open(target),
    log: (message) => logged.push(message),
  })
}

async function answer(port: number, host = '127.0.0.1'): Promise<string> {
  let text = ''
  try {
    for await (const chunk of connect(port, host)) text += chunk
  } catch (error) {
    return String(error)
  }
  return text
}

test('a path that QEMU lost is found by a check and made again', async () => {
  await using ports = forwarder()
  const [opened] = await ports.expose(web, [forward])
  const [lost = 0] = qemu.ports
  qemu.remove(lost)
  await ports.verify()
  expect(qemu.ports).not.toContain(lost)
  expect(await answer(opened?.hostPort ?? 0)).toBe('qemu 172.17.0.2:80')
  expect(logged.join()).toMatch(/path rebuilt/)
})

test('a path whose listener died in QEMU is found by a check, though QEMU lists it', async () => {
  await using ports = forwarder()
  const [opened] = await ports.expose(web, [forward])
  const [dead = 0] = qemu.ports
  await new Promise((resolve) => qemu.servers.get(dead)?.server.close(resolve))
  await ports.verify()
  expect(qemu.ports).not.toContain(dead)
  expect(await answer(opened?.hostPort ?? 0)).toBe('qemu 172.17.0.2:80')
})

test('a client that finds the path gone is served over SSH, and the next one by a new path', async () => {
  await using ports = forwarder()
  const [opened] = await ports.expose(web, [forward])
  for (const port of qemu.ports) qemu.remove(port)
  expect(await answer(opened?.hostPort ?? 0)).toBe('ssh')
  await expect.poll(() => answer(opened?.hostPort ?? 0)).toBe('qemu 172.17.0.2:80')
})

test('a path that takes connections and passes nothing on is replaced', async () => {
  qemu.serve = reset
  await using ports = forwarder()
  const [opened] = await ports.expose(web, [forward])
  const [broken = 0] = qemu.ports
  expect(await answer(opened?.hostPort ?? 0)).toMatch(/ECONNRESET/)
  // Its own listener goes on resetting: only a new one is well.
  qemu.serve = (socket, target) =>
    socket.localPort === broken ? reset(socket) : void socket.end(`qemu ${target}`)
  await expect.poll(() => qemu.ports).not.toContain(broken)
  expect(await answer(opened?.hostPort ?? 0)).toBe('qemu 172.17.0.2:80')
})

test('a path that stays broken is given up for SSH, and taken again once a check finds it well', async () => {
  qemu.serve = reset
  await using ports = forwarder()
  const [opened] = await ports.expose(web, [forward])
  const port = opened?.hostPort ?? 0
  expect(await answer(port)).toMatch(/ECONNRESET/)
  await expect.poll(() => answer(port)).toBe('ssh')
  await expect.poll(() => logged.join()).toMatch(/path lost, SSH carries the data/)
  await ports.verify()
  expect(await answer(port)).toBe('ssh')
  qemu.serve = (socket, target) => void socket.end(`qemu ${target}`)
  await ports.verify()
  expect(await answer(port)).toBe('qemu 172.17.0.2:80')
  expect(qemu.servers.size).toBe(1)
})

test('a port is free again though its path in QEMU cannot be taken back', async () => {
  await using ports = forwarder()
  const [opened] = await ports.expose(web, [forward])
  const port = opened?.hostPort ?? 0
  const run = qemu.run.bind(qemu)
  qemu.run = () => Promise.reject(new Error('the monitor is gone'))
  await ports.unexpose(web, [{ ...forward, hostPort: port }]).catch(() => undefined)
  expect(await answer(port)).toMatch(/ECONNREFUSED/)
  qemu.run = run
})

test('a container that does not listen yet costs its path nothing', async () => {
  qemu.serve = reset
  await using ports = forwarder(() => Promise.reject(new Error('connection refused')))
  const [opened] = await ports.expose(web, [forward])
  const before = qemu.ports
  expect(await answer(opened?.hostPort ?? 0)).toMatch(/ECONNRESET/)
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(qemu.ports).toEqual(before)
})

test('a check leads nothing to the container, and tells a dead listener from a live one', async () => {
  let led = 0
  const listener = await listenTcp({
    address: '127.0.0.1',
    port: 0,
    connect: () => {
      led++
      return overSsh({ path: '' })
    },
  })
  expect(await listener.accepts()).toBe(true)
  expect(led).toBe(0)
  const [own, client] = await Promise.all([listener.accepts(), answer(listener.port)])
  expect([own, client, led]).toEqual([true, 'ssh', 1])
  await listener[Symbol.asyncDispose]()
  expect(await listener.accepts()).toBe(false)
})

test('a check of a UDP port comes in at its socket and leads nothing to the container', async () => {
  const led: string[] = []
  const listener = await listenUdp({
    address: '0.0.0.0',
    port: 0,
    relay: async () => ({ send: (_flow, data) => led.push(String(data)), destroy: () => undefined }),
    onFailure: () => undefined,
  })
  expect(await listener.accepts()).toBe(true)
  expect(led).toEqual([])
  await listener[Symbol.asyncDispose]()
  expect(await listener.accepts()).toBe(false)
})

async function datagram(socket: UdpSocket, port: number, text: string): Promise<string> {
  for (let attempt = 0; attempt < 200; attempt++) {
    socket.send(text, port, '127.0.0.1')
    const reply = once(socket, 'message').then(([data]) => String(data))
    const answered = await Promise.race([reply, delay(100).then(() => undefined)])
    if (answered !== undefined) return answered
  }
  throw new Error('no answer')
}

test('datagrams go by QEMU’s forward in the direct model, each client to its own answer; one that is gone is made again', async () => {
  await using ports = forwarder(() => Promise.reject(new Error('not over SSH')))
  const [opened] = await ports.expose(web, [{ ...forward, protocol: 'udp', hostIp: '127.0.0.1' }])
  const port = opened?.hostPort ?? 0
  const clients = [createSocket('udp4'), createSocket('udp4')] as const
  const answers = clients.map((client, i) => datagram(client, port, `from ${i}`))
  expect(await Promise.all(answers)).toEqual(['qemu 172.17.0.2:80 from 0', 'qemu 172.17.0.2:80 from 1'])
  const [lost = 0] = qemu.sockets.keys()
  qemu.remove(lost)
  expect(await datagram(clients[0], port, 'again')).toBe('qemu 172.17.0.2:80 again')
  expect(logged.join()).toMatch(/path rebuilt/)
  for (const client of clients) client.close()
  await ports.unexpose(web, [{ ...forward, protocol: 'udp', hostIp: '127.0.0.1', hostPort: port }])
  expect(qemu.sockets.size).toBe(0)
})

test('a new destination is taken by both listeners of a forward, over its path', async () => {
  await using ports = forwarder()
  const [opened] = await ports.expose(web, [forward])
  const port = opened?.hostPort ?? 0
  const via = { ip: '10.0.2.15', port: 0 }
  await ports.sync([{ ...forward, hostPort: port, via, ...web }])
  expect(await answer(port)).toBe(`qemu 10.0.2.15:${port}`)
  expect(await answer(port, '::1')).toBe(`qemu 10.0.2.15:${port}`)
  expect(qemu.servers.size).toBe(1)
})

test('a container moves its port to another address; when that fails the old one is back', async () => {
  await using ports = forwarder()
  const [opened] = await ports.expose(web, [{ ...forward, hostIp: '127.0.0.1' }])
  const port = opened?.hostPort ?? 0
  await ports.expose(web, [{ ...forward, hostIp: '0.0.0.0', hostPort: port }])
  expect(await answer(port, '127.0.0.2')).toBe('qemu 172.17.0.2:80')
  const bad = { ...forward, hostIp: '203.0.113.1', hostPort: port + 1 }
  const back = [{ ...forward, hostIp: '127.0.0.1', hostPort: port }, bad]
  await expect(ports.expose(web, back)).rejects.toThrow(/cannot assign requested address/)
  expect(await answer(port, '127.0.0.2')).toBe('qemu 172.17.0.2:80')
  await ports.unexpose(web, [{ ...forward, hostIp: '0.0.0.0', hostPort: port }])
  expect(await answer(port)).toMatch(/ECONNREFUSED/)
  expect(qemu.servers.size).toBe(0)
})

/** App and engine over a real socket: routes, link and publisher of the engine against link and forwarder of the app. */
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { hostLinkRoutes } from '../../vm/agent/http/routes/host-link.ts'
import { HttpServer } from '../../vm/agent/http/server.ts'
import type { Firewall, Publication } from '../../vm/agent/network/firewall.ts'
import { HostLink } from '../../vm/agent/network/host-link.ts'
import { Publisher } from '../../vm/agent/network/publisher.ts'
import { type PublicationRecord, RecordFolder } from '../../vm/agent/network/record.ts'
import { relayUdp } from '../../vm/agent/network/udp-relay.ts'
import type { PublishedPort } from '../../vm/api/slipway.ts'
import type { Dial } from '../machine/dial.ts'
import { hostSubnets } from './host-subnets.ts'
import { PublishedPorts } from './published-ports.ts'

let folder: string
let server: HttpServer
let link: HostLink
let app: PublishedPorts
/** Whatever is dialled inside the VM answers with what it is told. */
let echo: Server
const map = new Map<string, Publication>()
/** The map of the kernel, as an object. */
const firewall: Firewall = {
  load: async () => undefined,
  isIntact: () => true,
  addBridge: () => undefined,
  removeBridge: () => undefined,
  publish: (add, remove) => {
    for (const p of remove) map.delete(`${p.protocol}/${p.port}`)
    for (const p of add) map.set(`${p.protocol}/${p.port}`, p)
  },
}
const dial: Dial = async (target) => {
  const address = echo.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const socket = connect('path' in target ? { path: target.path } : { host: '127.0.0.1', port })
  await once(socket, 'connect')
  return socket
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'link-'))
  map.clear()
  echo = createServer((socket) => socket.pipe(socket).on('error', () => socket.destroy())).listen(
    0,
    '127.0.0.1',
  )
  await once(echo, 'listening')
  await boot()
  app = host()
})
afterEach(async () => {
  await app[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
  echo.close()
  await rm(folder, { recursive: true })
})

async function boot(): Promise<void> {
  link = new HostLink()
  const log = () => undefined
  const backend = {
    accept: link.accept.bind(link),
    relayUdp: (stream: Parameters<typeof relayUdp>[0], target: Parameters<typeof relayUdp>[1]) =>
      relayUdp(stream, target, log),
  }
  server = new HttpServer({ routes: hostLinkRoutes(backend), onError: log })
  await server.listen(join(folder, 'engine.sock'))
}
function host(): PublishedPorts {
  return new PublishedPorts({
    dial,
    log: () => undefined,
    enginePath: join(folder, 'engine.sock'),
  })
}
async function publisher(model: 'direct' | 'double' = 'direct'): Promise<Publisher> {
  const records = new RecordFolder<PublicationRecord>(join(folder, 'ports'), { durable: false })
  const made = new Publisher({ link, firewall, folder: records, model, log: () => undefined })
  await made.load()
  link.onConnect = () => void made.sync()
  // One that is there already tells no more that it came.
  if (link.connected) await made.sync()
  return made
}
const web = { containerId: 'c'.repeat(64), containerName: 'web', containerIp: '172.17.0.2' }
const tcp = (hostPort: number, containerPort = 80): PublishedPort => ({
  containerPort,
  protocol: 'tcp',
  hostIp: '',
  hostPort,
})
async function open(port: number): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1' })
  return (await new Promise((resolve) => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
  }).finally(() => socket.destroy())) as boolean
}

test('what is published is listened on before the answer, and closed by unpublish', async () => {
  const ports = await publisher()
  void app.start()
  const [v4, v6] = await ports.publish({ ...web, ports: [tcp(0)] })
  expect([v4?.hostIp, v6?.hostIp]).toEqual(['127.0.0.1', '::1'])
  expect(v4?.hostPort).toBe(v6?.hostPort)
  expect(await open(v4?.hostPort ?? 0)).toBe(true)
  expect(app.routes(web.containerId).map((r) => r.hops.map((h) => `${h.label} ${h.address}`))).toEqual([
    ['host 127.0.0.1', 'container 172.17.0.2'],
    ['host ::1', 'container 172.17.0.2'],
  ])
  await ports.unpublish(web.containerId)
  expect(await open(v4?.hostPort ?? 0)).toBe(false)
  expect(ports.published(web.containerId)).toEqual([])
})

test('a taken port fails with Docker’s words and leaves nothing', async () => {
  const holder = createServer().listen(0, '127.0.0.1')
  await once(holder, 'listening')
  const address = holder.address()
  const taken = typeof address === 'object' && address ? address.port : 0
  const ports = await publisher('double')
  void app.start()
  await expect(ports.publish({ ...web, ports: [tcp(0, 81), tcp(taken)] })).rejects.toMatchObject({
    kind: 'conflict',
    message: expect.stringContaining(`Bind for 0.0.0.0:${taken} failed: port is already allocated`),
  })
  holder.close()
  expect(map.size).toBe(0)
  expect(app.routes(web.containerId)).toEqual([])
})

test('after a rename the container is named anew, its listeners stay', async () => {
  const ports = await publisher()
  void app.start()
  const [first] = await ports.publish({ ...web, ports: [tcp(0)] })
  const client = connect({ port: first?.hostPort ?? 0, host: '127.0.0.1' })
  await once(client, 'connect')
  await ports.rename(web.containerId, 'renamed')
  const other = { ...web, containerId: 'd'.repeat(64), containerName: 'other' }
  await expect(ports.publish({ ...other, ports: [tcp(first?.hostPort ?? 0)] })).rejects.toMatchObject({
    message: expect.stringContaining('held by container renamed'),
  })
  client.write('still here')
  expect(String((await once(client, 'data'))[0])).toBe('still here')
  client.destroy()
  expect(app.routes(web.containerId)).toHaveLength(2)
})

test('a list of all ports that a new link asks for misses none that is being opened', async () => {
  const ports = await publisher()
  void app.start()
  const publishing = Promise.all(
    Array.from({ length: 10 }, (_, i) =>
      ports.publish({ ...web, containerId: `${i}`.repeat(64), ports: [tcp(0)] }),
    ),
  )
  await link.wait(30_000)
  link.onConnect()
  const opened = await publishing
  await ports.setModel('double')
  for (const [port] of opened) expect(await open(port?.hostPort ?? 0)).toBe(true)
})

test('the engine learns what the computer has routes to', async () => {
  await publisher()
  void app.start()
  await link.wait(30_000)
  expect(await link.routes()).toEqual(await hostSubnets())
})

test('the engine learns what exists on the host', async () => {
  await publisher()
  void app.start()
  await link.wait(30_000)
  expect(await link.pathExists(folder)).toBe(true)
  expect(await link.pathExists(join(folder, 'nothing'))).toBe(false)
})

test('without an app a publish is unavailable, a deferred one waits for it', async () => {
  const ports = await publisher()
  const abort = AbortSignal.timeout(50)
  await expect(ports.publish({ ...web, ports: [tcp(0)] }, { signal: abort })).rejects.toMatchObject({
    kind: 'unavailable',
  })
  expect(await ports.publish({ ...web, ports: [tcp(0)] }, { deferred: true })).toEqual([])
  void app.start()
  await expect.poll(() => ports.published(web.containerId).length).toBe(2)
  expect(await open(ports.published(web.containerId)[0]?.hostPort ?? 0)).toBe(true)
})

test('ports change live: what stays is untouched, a failing change changes nothing', async () => {
  const ports = await publisher('double')
  void app.start()
  const [first] = await ports.publish({ ...web, ports: [tcp(0)] })
  const kept = first?.hostPort ?? 0
  const client = connect(kept, '127.0.0.1')
  await once(client, 'connect')
  const answered = ports.published(web.containerId)
  const holder = createServer().listen(0, '127.0.0.1')
  await once(holder, 'listening')
  const address = holder.address()
  const taken = typeof address === 'object' && address ? address.port : 0
  await expect(ports.publish({ ...web, ports: [...answered, tcp(taken, 90)] })).rejects.toMatchObject({
    kind: 'conflict',
  })
  holder.close()
  expect(ports.published(web.containerId)).toEqual(answered)
  const more = await ports.publish({ ...web, ports: [...answered, tcp(0, 81)] })
  expect(more.map((p) => p.containerPort)).toEqual([80, 80, 81, 81])
  expect([...map.values()].map((p) => p.containerPort)).toEqual([80, 81])
  expect(await open(kept)).toBe(true)
  const rest = await ports.publish({ ...web, ports: [tcp(kept)] })
  expect(rest).toEqual(answered)
  expect(map.size).toBe(1)
  client.write('still here')
  expect(String((await once(client, 'data'))[0])).toBe('still here')
  client.destroy()
})

test('the same host port can lead to another container port', async () => {
  const ports = await publisher('double')
  void app.start()
  const [first] = await ports.publish({ ...web, ports: [tcp(0)] })
  const hostPort = first?.hostPort ?? 0
  const changed = await ports.publish({ ...web, ports: [tcp(hostPort, 81)] })
  expect(changed.map((p) => [p.hostPort, p.containerPort])).toEqual([
    [hostPort, 81],
    [hostPort, 81],
  ])
  expect([...map.values()]).toMatchObject([{ containerPort: 81 }])
  expect(await open(hostPort)).toBe(true)
})

test('the model is switched while ports are open', async () => {
  const ports = await publisher('direct')
  void app.start()
  const [first] = await ports.publish({ ...web, ports: [tcp(0)] })
  const hops = async () =>
    app.routes(web.containerId)[0]?.hops.map((h) => `${h.label} ${h.address}:${h.port}`)
  await ports.setModel('double')
  const port = first?.hostPort
  expect(await hops()).toEqual([`host 127.0.0.1:${port}`, `vm 10.0.2.15:${port}`, 'container 172.17.0.2:80'])
  expect([...map.keys()]).toEqual([`tcp/${port}`])
  await ports.setModel('direct')
  expect(await hops()).toEqual([`host 127.0.0.1:${port}`, 'container 172.17.0.2:80'])
  expect(map.size).toBe(0)
})

test('sshd’s own port inside the VM is not given away', async () => {
  const ports = await publisher('double')
  void app.start()
  await ports.publish({ ...web, ports: [{ ...tcp(0, 22), hostPort: 0 }] })
  expect([...map.values()].map((p) => p.port)).not.toContain(22)
})

test('a new app finds every port again and none stale', async () => {
  const ports = await publisher()
  void app.start()
  const [first] = await ports.publish({ ...web, ports: [tcp(0)] })
  // As after kill -9: the sockets are gone without a word.
  await app[Symbol.asyncDispose]()
  expect(await open(first?.hostPort ?? 0)).toBe(false)
  app = host()
  void app.start()
  await expect.poll(() => open(first?.hostPort ?? 0)).toBe(true)
})

test('a restarted engine takes its ports up again', async () => {
  void app.start()
  const [first] = await (await publisher()).publish({ ...web, ports: [tcp(0)] })
  await server[Symbol.asyncDispose]()
  await boot()
  const again = await publisher()
  expect(again.published(web.containerId).map((p) => p.hostPort)).toEqual([first?.hostPort, first?.hostPort])
  await expect.poll(() => link.connected).toBe(true)
  expect(await open(first?.hostPort ?? 0)).toBe(true)
  await again.unpublish(web.containerId)
  expect(await open(first?.hostPort ?? 0)).toBe(false)
})

import { once } from 'node:events'
import { connect, createServer, type Server } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { EngineError } from '../../vm/api/errors.ts'
import { PortForwarder } from './forwarder.ts'
import { parseForwards, QemuPaths } from './qemu-path.ts'

const USERNET = `Hub -1 (net):
  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ
  TCP[HOST_FORWARD]  35       127.0.0.1 15004      172.17.0.3  5004     0     0
  TCP[ESTABLISHED]   36       127.0.0.1 41178       10.0.2.15    22     0     0
  TCP[HOST_FORWARD]  14       127.0.0.1 41177       10.0.2.15    22     0     0
  UDP[HOST_FORWARD]  15       127.0.0.1 15053      172.17.0.3    53     0     0
  UDP[236 sec]       16       10.0.2.15 53127        10.0.2.3    53     0     0\r
`
const servers = new Map<string, Server>()
afterEach(() => {
  for (const server of servers.values()) server.close()
  servers.clear()
})

/** A monitor whose forwards are real listeners that say where they lead. */
function monitor(lines: string[]) {
  return async (_command: string, args: Readonly<Record<string, unknown>>): Promise<unknown> => {
    const line = String(args['command-line'])
    lines.push(line)
    if (line === 'info usernet') return USERNET
    const [, verb, port, target] =
      /^hostfwd_(add|remove) net (?:tcp|udp):127\.0\.0\.1:(\d+)-?(\S*)$/.exec(line) ?? []
    if (verb === 'remove') {
      servers.get(port ?? '')?.close()
      return ''
    }
    const server = createServer((socket) => socket.end(`qemu ${target}`)).listen(Number(port), '127.0.0.1')
    await once(server, 'listening')
    servers.set(port ?? '', server)
    return ''
  }
}
async function answer(port: number): Promise<string> {
  let text = ''
  for await (const chunk of connect(port, '127.0.0.1')) text += chunk
  return text
}
const web = { containerId: 'c', containerName: 'web' }
const forward = {
  protocol: 'tcp',
  hostIp: '127.0.0.1',
  hostPort: 0,
  containerIp: '172.17.0.2',
  containerPort: 80,
} as const
const overSsh = async () => {
  const server = createServer((socket) => socket.end('ssh')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  servers.set('ssh', server)
  const address = server.address()
  return connect(typeof address === 'object' && address ? address.port : 0, '127.0.0.1')
}

test('forwards are read from the monitor’s table', () => {
  expect(parseForwards(USERNET)).toEqual([
    { protocol: 'tcp', local: 15004, host: '172.17.0.3', port: 5004 },
    { protocol: 'tcp', local: 41177, host: '10.0.2.15', port: 22 },
    { protocol: 'udp', local: 15053, host: '172.17.0.3', port: 53 },
  ])
})

test('what an earlier app left is removed, the way to sshd stays', async () => {
  const lines: string[] = []
  await new QemuPaths(monitor(lines)).clear({ host: '10.0.2.15', port: 22 })
  expect(lines).toEqual([
    'info usernet',
    'hostfwd_remove net tcp:127.0.0.1:15004',
    'hostfwd_remove net udp:127.0.0.1:15053',
  ])
})

test('connections take QEMU’s forward, follow a new target, and it goes with the port', async () => {
  const lines: string[] = []
  const paths = new QemuPaths(monitor(lines))
  await using ports = new PortForwarder({ dial: overSsh, enginePath: '', openPath: (to) => paths.open(to) })
  const [opened] = await ports.expose(web, [forward])
  const hostPort = opened?.hostPort ?? 0
  expect(await answer(hostPort)).toBe('qemu 172.17.0.2:80')
  await ports.expose(web, [{ ...forward, hostPort, containerPort: 81 }])
  expect(await answer(hostPort)).toBe('qemu 172.17.0.2:81')
  await ports.unexpose(web, [{ ...forward, hostPort }])
  expect(lines.map((line) => line.split(' ')[0])).toEqual([
    'hostfwd_add',
    'hostfwd_add',
    'hostfwd_remove',
    'hostfwd_remove',
  ])
})

test('where QEMU refuses, or its forward is gone, SSH carries the connection', async () => {
  const refuses = new QemuPaths(async () => "Could not set up host forwarding rule 'x'\r\n")
  await using ports = new PortForwarder({ dial: overSsh, enginePath: '', openPath: (to) => refuses.open(to) })
  const [opened] = await ports.expose(web, [forward])
  expect(await answer(opened?.hostPort ?? 0)).toBe('ssh')

  const lost = {
    connect: () => Promise.reject(new EngineError('unavailable', 'refused')),
    relay: () => {
      throw new EngineError('unavailable', 'refused')
    },
    exists: () => Promise.resolve(true),
    close: () => Promise.reject(new EngineError('unavailable', 'machine is not running')),
  }
  await using others = new PortForwarder({ dial: overSsh, enginePath: '', openPath: async () => lost })
  const [second] = await others.expose(web, [forward])
  expect(await answer(second?.hostPort ?? 0)).toBe('ssh')
})

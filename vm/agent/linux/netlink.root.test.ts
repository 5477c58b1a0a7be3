/** Real kernel networking; run as root with `node --experimental-ffi --test`. Effects are read back with iproute2 and nft. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { closeSync, openSync, readlinkSync, readSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { bindInNamespace, errnoOf, inNamespace, NetlinkSocket } from './netlink.ts'
import { changeElements, endpointValue, interfaceKey, portKey, redirectDns } from './nfnetlink.ts'
import {
  addAddress,
  addBridge,
  addDefaultRoute,
  addVeth,
  deleteLink,
  getLink,
  getRoutes,
  isolatePort,
  linkIndex,
  setUp,
} from './rtnetlink.ts'

const host = `nlh${process.pid}`
const guest = `nlg${process.pid}`
const path = (name: string) => `/var/run/netns/${name}`
const run = (...args: string[]) => execFileSync(args[0] ?? '', args.slice(1), { encoding: 'utf8' })
const ip = (netns: string, ...args: string[]) => JSON.parse(run('ip', '-n', netns, '-j', '-d', ...args))
const index = (socket: NetlinkSocket, name: string) => {
  const [reply] = socket.request(getLink(name))
  assert.ok(reply)
  return linkIndex(reply.payload)
}

/** A datagram from the guest's end to a socket on the bridge. */
function talk(): string {
  const { udp, tcp } = bindInNamespace(path(host), Buffer.from([10, 77, 0, 1]), { udp: 0, tcp: 0 })
  const send = `require('dgram').createSocket('udp4').send('hello', ${udp.port}, '10.77.0.1', () => process.exit())`
  run('ip', 'netns', 'exec', guest, process.execPath, '-e', send)
  const buffer = Buffer.alloc(16)
  const length = readSync(udp.fd, buffer)
  closeSync(udp.fd)
  closeSync(tcp.fd)
  return buffer.toString('utf8', 0, length)
}

before(() => {
  run('ip', 'netns', 'add', host)
  run('ip', 'netns', 'add', guest)
})
after(() => {
  run('ip', 'netns', 'del', guest)
  run('ip', 'netns', 'del', host)
})

test('builds a bridge and a container end, zero spawns, and they talk', () => {
  const home = readlinkSync('/proc/self/ns/net')
  using outside = new NetlinkSocket('route', path(host))
  using inside = new NetlinkSocket('route', path(guest))
  assert.equal(readlinkSync('/proc/self/ns/net'), home)

  outside.request(addBridge({ name: 'br-test', mtu: 1400, mac: Buffer.from('020000000001', 'hex') }))
  const bridge = index(outside, 'br-test')
  outside.request(
    addAddress(bridge, Buffer.from([10, 77, 0, 1]), 24),
    addAddress(bridge, Buffer.from('fd77000000000000000000000000000001'.slice(0, 32), 'hex'), 64),
  )
  const netns = openSync(path(guest), 'r')
  outside.request(
    addVeth({
      name: 'vethtest',
      mtu: 1400,
      master: bridge,
      peer: { name: 'eth0', netns, mac: Buffer.from('020000000002', 'hex') },
    }),
  )
  closeSync(netns)
  outside.request(isolatePort(index(outside, 'vethtest')))
  const lo = index(inside, 'lo')
  const eth0 = index(inside, 'eth0')
  inside.request(
    setUp(lo),
    setUp(eth0),
    addAddress(eth0, Buffer.from([10, 77, 0, 2]), 24),
    addDefaultRoute(eth0, Buffer.from([10, 77, 0, 1])),
  )

  const [veth] = ip(host, 'link', 'show', 'vethtest')
  assert.equal(veth.master, 'br-test')
  assert.equal(veth.mtu, 1400)
  assert.equal(veth.linkinfo.info_slave_data.isolated, true)
  const [eth] = ip(guest, 'addr', 'show', 'eth0')
  assert.equal(eth.address, '02:00:00:00:00:02')
  assert.deepEqual(
    eth.addr_info
      .filter((a: { family: string }) => a.family === 'inet')
      .map((a: { local: string; broadcast: string }) => [a.local, a.broadcast]),
    [['10.77.0.2', '10.77.0.255']],
  )
  assert.equal(ip(guest, 'route', 'show', 'default')[0].gateway, '10.77.0.1')
  assert.equal(talk(), 'hello')
  assert.ok(outside.request(getRoutes()).length > 0)

  outside.request(deleteLink('vethtest'))
  assert.equal(errnoOf(catchError(() => inside.request(getLink('eth0')))), 'ENODEV')
})

test('a failure names what was asked and the errno', () => {
  using socket = new NetlinkSocket('route', path(host))
  const bridge = addBridge({ name: 'br-twice', mtu: 1500, mac: Buffer.from('020000000003', 'hex') })
  socket.request(bridge)
  const error = catchError(() => socket.request(bridge))
  assert.equal(errnoOf(error), 'EEXIST')
  assert.match(String(error), /add bridge br-twice/)
  // The socket is in step afterwards.
  assert.ok(index(socket, 'br-twice') > 0)
})

test('changes sets and maps atomically', () => {
  inNamespace(path(host), () =>
    execFileSync('nft', ['-f', '-'], {
      input: `table inet t {
        set bridges { type ifname; }
        map publish { type inet_proto . inet_service : ipv4_addr . inet_service; }
      }`,
    }),
  )
  const list = () => run('ip', 'netns', 'exec', host, 'nft', 'list', 'table', 'inet', 't')
  using socket = new NetlinkSocket('netfilter', path(host))
  const publish = (port: number) => ({
    set: 'publish',
    key: portKey('tcp', port),
    value: endpointValue(Buffer.from([172, 17, 0, 2]), 80),
  })
  socket.request(
    ...changeElements('t', [
      { action: 'add', set: 'bridges', key: interfaceKey('br-test') },
      { action: 'add', ...publish(8080) },
    ]),
  )
  assert.match(list(), /"br-test"/)
  assert.match(list(), /tcp . 8080 : 172\.17\.0\.2 . 80/)

  const error = catchError(() =>
    socket.request(
      ...changeElements('t', [
        { action: 'add', ...publish(9090) },
        { action: 'delete', ...publish(7777) },
      ]),
    ),
  )
  assert.equal(errnoOf(error), 'ENOENT')
  assert.doesNotMatch(list(), /9090/)

  socket.request(
    ...changeElements('t', [
      { action: 'delete', ...publish(8080) },
      { action: 'add', ...publish(8081) },
    ]),
  )
  assert.doesNotMatch(list(), /8080/)
  assert.match(list(), /8081/)
})

test('queries to 127.0.0.11:53 reach the resolver’s own ports', () => {
  using route = new NetlinkSocket('route', path(guest))
  route.request(setUp(index(route, 'lo')))
  const address = Buffer.from([127, 0, 0, 11])
  const sockets = bindInNamespace(path(guest), address, { udp: 0, tcp: 0 })
  using netfilter = new NetlinkSocket('netfilter', path(guest))
  netfilter.request(...redirectDns('slipway', address, { udp: sockets.udp.port, tcp: sockets.tcp.port }))
  const rules = run('ip', 'netns', 'exec', guest, 'nft', 'list', 'table', 'ip', 'slipway')
  assert.ok(rules.includes(`ip daddr 127.0.0.11 udp dport 53 dnat to :${sockets.udp.port}`), rules)
  assert.ok(rules.includes(`ip daddr 127.0.0.11 tcp dport 53 dnat to :${sockets.tcp.port}`), rules)
  closeSync(sockets.udp.fd)
  closeSync(sockets.tcp.fd)
})

function catchError(action: () => unknown): unknown {
  try {
    action()
  } catch (error) {
    return error
  }
  return assert.fail('nothing was thrown')
}

/**
 * The network service on a real kernel. Changes the network it runs in, so it needs one of its own:
 * `unshare -n node --experimental-ffi --test vm/agent/network/service.root.test.ts`, with iproute2 and nft.
 */
import assert from 'node:assert/strict'
import { execFile, execFileSync, spawn, spawnSync } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { EngineConfig } from '../../api/slipway.ts'
import { EventBus } from '../events.ts'
import type { Child, ChildOptions } from '../linux/kernel.ts'
import { LibcKernel } from '../linux/libc.ts'
import { NftFirewall } from './firewall.ts'
import { HostLink } from './host-link.ts'
import { Networks } from './service.ts'

const config = { portModel: 'direct' } as EngineConfig
/** A fresh namespace has nothing but loopback. */
const own = Object.keys(networkInterfaces()).every((name) => name === 'lo')
const folder = mkdtempSync(join(tmpdir(), 'networks-'))
const sandboxes: ReturnType<typeof spawn>[] = []
let networks: Networks
const logged: string[] = []

/** Programs run through the kernel door; those of node:child_process are counted where they matter. */
let programs = 0
class CountingKernel extends LibcKernel {
  override spawn(options: ChildOptions): Child {
    programs++
    return super.spawn(options)
  }
}

const make = () =>
  new Networks({
    root: join(folder, 'networks'),
    runDir: join(folder, 'run'),
    hostLink: new HostLink(),
    events: new EventBus(),
    config,
    firewall: new NftFirewall(new CountingKernel()),
    log: (message) => logged.push(message),
    resolvConfPath: join(folder, 'resolv.conf'),
  })

before(() => {
  writeFileSync(join(folder, 'resolv.conf'), 'nameserver 127.0.0.1\nsearch example.test\n')
  execFileSync('ip', ['link', 'set', 'lo', 'up'])
  writeFileSync('/proc/sys/net/ipv4/ip_forward', '1')
  networks = make()
})
after(() => {
  networks[Symbol.dispose]()
  for (const sandbox of sandboxes) sandbox.kill('SIGKILL')
  rmSync(folder, { recursive: true })
})

/** A network namespace of its own, held by a process. */
function container(name: string) {
  const child = spawn('unshare', ['-n', 'sleep', '1000'], { stdio: 'ignore' })
  sandboxes.push(child)
  const netns = `/proc/${child.pid}/ns/net`
  while (readlinkSync(netns) === readlinkSync('/proc/self/ns/net')) spawnSync('sleep', ['0.02'])
  const containerId = Buffer.from(name.padEnd(32, '.')).toString('hex')
  return { containerId, containerName: name, hostname: `host-${name}`, netns }
}
/** Asynchronous: the resolver under test answers from this very process. */
async function enter(netns: string, ...command: string[]): Promise<{ stdout: string }> {
  const run = promisify(execFile)('nsenter', [`--net=${netns}`, ...command], { timeout: 120_000 })
  const { stdout } = await run.catch((error: { stdout: string }) => error)
  return { stdout: stdout.trim() }
}
type Place = { netns: string }
/** What a TCP server in one namespace answers to another: the address it sees, or nothing within so many milliseconds. */
async function reach(from: Place, to: Place, address: string, ms = 20_000): Promise<string> {
  const port = 4000 + Math.floor(Math.random() * 1000)
  const serve = `require('net').createServer(s=>s.end(s.remoteAddress.replace('::ffff:',''))).listen(${port},()=>console.log('up'))`
  const server = spawn('nsenter', [`--net=${to.netns}`, process.execPath, '-e', serve], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await new Promise((resolve) => server.stdout.once('data', resolve))
  const ask = `const s=require('net').connect(${port},'${address}');s.setTimeout(${ms},()=>process.exit(1));s.on('error',()=>process.exit(1));s.pipe(process.stdout)`
  const { stdout } = await enter(from.netns, process.execPath, '-e', ask)
  server.kill('SIGKILL')
  return stdout
}
/** That one is not reached is only known by waiting. */
const apart = (from: Place, to: Place, address: string) => reach(from, to, address, 1_500)

/** The first `+time=`, in seconds, counts. */
async function dig(netns: string, ...args: string[]): Promise<string[]> {
  const { stdout } = await enter(netns, 'dig', ...args, '+short', '+tries=1', '+time=20', '@127.0.0.11')
  return stdout.split('\n').sort()
}

test('networks', { skip: !own && 'needs a network namespace of its own' }, async (t) => {
  const a = container('web')
  const b = container('db')

  await t.test('the default bridge gives addresses, a gateway and a way out', async () => {
    const started = performance.now()
    const endpoints = await networks.attach({ ...a, networks: { bridge: {} } })
    t.diagnostic(`first attach with ruleset: ${(performance.now() - started).toFixed(1)} ms`)
    assert.equal(endpoints['bridge']?.IPAddress, '172.17.0.2')
    assert.equal(endpoints['bridge']?.Gateway, '172.17.0.1')
    assert.equal(endpoints['bridge']?.MacAddress, '02:42:ac:11:00:02')
    assert.equal(endpoints['bridge']?.DNSNames, null)
    const again = performance.now()
    await networks.attach({ ...b, networks: { bridge: {} } })
    t.diagnostic(`second attach: ${(performance.now() - again).toFixed(1)} ms`)
    assert.equal(await reach(a, b, '172.17.0.3'), '172.17.0.2')
    assert.equal(await reach(a, { netns: '/proc/self/ns/net' }, '172.17.0.1'), '172.17.0.2')
    assert.equal(
      networks.resolvConf(['bridge'], { servers: [], search: [], options: [] }),
      'nameserver 127.0.0.1\nsearch example.test\n',
    )
    await networks.detach(a.containerId)
    await networks.detach(b.containerId)
    // Cables are pulled a moment after the addresses are free.
    const links = () => execFileSync('ip', ['link'], { encoding: 'utf8' })
    for (let turn = 0; turn < 200 && links().includes('veth'); turn++) await sleep(100)
    assert.doesNotMatch(links(), /veth/)
  })

  await t.test('a user-defined network has names; what leaves it wears the VM’s address', async () => {
    const { Id } = await networks.create({ Name: 'n1', Labels: { a: 'b' } })
    await networks.attach({ ...a, networks: { n1: { Aliases: ['www'] } } })
    const mine = (await networks.attach({ ...b, networks: { n1: {} } }))['n1']
    assert.equal(mine?.IPAddress, '172.18.0.3')
    assert.deepEqual(mine?.DNSNames, ['db', b.containerId.slice(0, 12), 'host-db'])
    for (const name of ['web', 'www', 'WEB', 'web.n1', a.containerId.slice(0, 12), 'host-web']) {
      assert.deepEqual(await dig(b.netns, name), ['172.18.0.2'], name)
    }
    assert.deepEqual(await dig(b.netns, '+tcp', 'web'), ['172.18.0.2'])
    assert.deepEqual(await dig(b.netns, 'web', 'AAAA'), [''])
    assert.deepEqual(await dig(b.netns, '-x', '172.18.0.2'), ['web.n1.'])
    assert.deepEqual(await dig(b.netns, 'host.docker.internal'), ['10.0.2.2'])
    assert.match(
      networks.resolvConf(['n1'], { servers: [], search: [], options: [] }),
      /^nameserver 127\.0\.0\.11\n/,
    )
    assert.deepEqual(Object.keys((await networks.inspect('n1')).Containers).length, 2)
    await assert.rejects(networks.remove('n1'), /network n1 has active endpoints \(name:"web"/)
    assert.equal((await networks.inspect(Id.slice(0, 6))).Name, 'n1')

    // "Outside": a cable to a namespace that knows no route back to the containers.
    const outside = container('outside')
    execFileSync('ip', [
      'link',
      'add',
      'eth9',
      'type',
      'veth',
      'peer',
      'name',
      'eth0',
      'netns',
      String(sandboxes.at(-1)?.pid),
    ])
    execFileSync('ip', ['addr', 'add', '10.9.9.1/24', 'dev', 'eth9'])
    execFileSync('ip', ['link', 'set', 'eth9', 'up'])
    await enter(outside.netns, 'ip', 'addr', 'add', '10.9.9.2/24', 'dev', 'eth0')
    await enter(outside.netns, 'ip', 'link', 'set', 'eth0', 'up')
    assert.equal(await reach(a, outside, '10.9.9.2'), '10.9.9.1')
    await enter(outside.netns, 'ip', 'route', 'add', 'default', 'via', '10.9.9.1')
    assert.equal(await apart(outside, a, '172.18.0.2'), '', 'unpublished ports are closed to the outside')
  })

  await t.test('an agent that comes back finds everything and answers names again', async () => {
    networks[Symbol.dispose]()
    assert.deepEqual((await dig(b.netns, '+time=3', 'web')).join(' ').includes('172.18.0.2'), false)
    networks = make()
    await networks.start()
    assert.deepEqual(await dig(b.netns, 'web'), ['172.18.0.2'])
    assert.equal(networks.endpoints(a.containerId)?.['n1']?.IPAddress, '172.18.0.2')
    assert.equal(await reach(a, b, '172.18.0.3'), '172.18.0.2')
    await networks.rename(a.containerId, 'web2')
    assert.deepEqual(await dig(b.netns, 'web2'), ['172.18.0.2'])
  })

  await t.test('networks are apart until a container joins both', async () => {
    await networks.create({ Name: 'n2', IPAM: { Config: [{ Subnet: '10.50.0.0/24' }] } })
    const c = container('other')
    await networks.attach({ ...c, networks: { n2: { IPAMConfig: { IPv4Address: '10.50.0.77' } } } })
    assert.equal(await apart(c, a, '172.18.0.2'), '')
    assert.deepEqual((await dig(c.netns, 'web2')).includes('172.18.0.2'), false)
    const settings = await networks.connect(c, 'n1', { Aliases: ['late'] })
    assert.equal(settings.IPAddress, '172.18.0.4')
    assert.equal(await reach(c, a, '172.18.0.2'), '172.18.0.4')
    assert.deepEqual(await dig(b.netns, 'late'), ['172.18.0.4'])
    await assert.rejects(
      networks.connect(c, 'n1', {}),
      /endpoint with name other already exists in network n1/,
    )
    await networks.disconnect(c.containerId, 'n1')
    assert.equal(await apart(c, a, '172.18.0.2'), '')
    assert.equal(await reach(c, { netns: '/proc/self/ns/net' }, '10.50.0.1'), '10.50.0.77')
    await networks.detach(c.containerId)
  })

  await t.test('internal networks have no way out; icc=false keeps containers apart', async () => {
    const c = container('inner')
    await networks.create({ Name: 'inner', Internal: true })
    assert.equal((await networks.attach({ ...c, networks: { inner: {} } }))['inner']?.Gateway, '')
    // By its path: busybox's nsenter would run busybox's own ip, which ignores the selector.
    assert.equal((await enter(c.netns, '/usr/bin/ip', 'route', 'show', 'default')).stdout, '')
    await networks.create({ Name: 'apart', Options: { 'com.docker.network.bridge.enable_icc': 'false' } })
    const d = container('d')
    const e = container('e')
    await networks.attach({ ...d, networks: { apart: {} } })
    const address = (await networks.attach({ ...e, networks: { apart: {} } }))['apart']?.IPAddress ?? ''
    assert.equal(await apart(d, e, address), '')
    assert.notEqual(await reach({ netns: '/proc/self/ns/net' }, e, address), '')
  })

  await t.test('IPv6', async () => {
    const c = container('six')
    const d = container('seven')
    await networks.create({ Name: 'six', EnableIPv6: true, IPAM: { Config: [{ Subnet: 'fd12::/64' }] } })
    const mine = (await networks.attach({ ...c, networks: { six: {} } }))['six']
    assert.equal(mine?.GlobalIPv6Address, 'fd12::2')
    await networks.attach({ ...d, networks: { six: {} } })
    assert.equal(await reach(c, d, 'fd12::3'), 'fd12::2')
    assert.deepEqual(await dig(c.netns, 'seven', 'AAAA'), ['fd12::3'])
    assert.match((await enter(c.netns, 'ip', '-6', 'route', 'show', 'default')).stdout, /via fd12::1/)
  })

  await t.test('attaching, connecting and renaming spawn no process', async () => {
    const c = container('spawnless')
    assert.ok(programs >= 1, 'the packet filter was loaded by a program')
    let spawned = 0
    const before = programs
    const count = () => spawned++
    subscribe('child_process', count)
    await networks.attach({ ...c, networks: { bridge: {} } })
    await networks.connect(c, 'n1', { Aliases: ['alias'] })
    await networks.rename(c.containerId, 'renamed')
    await networks.disconnect(c.containerId, 'n1')
    await networks.detach(c.containerId)
    unsubscribe('child_process', count)
    assert.deepEqual([spawned, programs - before], [0, 0])
  })

  await t.test('what something else breaks is put right, and said', async () => {
    const c = container('guarded')
    await networks.attach({ ...c, networks: { n1: {} } })
    await networks.look()
    assert.deepEqual(logged, [], 'its own changes are not taken for those of others')
    execFileSync('nft', ['flush', 'ruleset'])
    execFileSync('ip', ['link', 'set', 'docker0', 'down'])
    execFileSync('ip', ['link', 'set', `br-${(await networks.inspect('n1')).Id.slice(0, 12)}`, 'down'])
    writeFileSync('/proc/sys/net/ipv4/ip_forward', '0')
    execFileSync('ip', ['link', 'add', 'eth0', 'up', 'type', 'veth', 'peer', 'name', 'far0'])
    await networks.look()
    assert.match(execFileSync('ip', ['-6', 'addr', 'show', 'eth0'], { encoding: 'utf8' }), /fec0::15\/64/)
    assert.match(
      execFileSync('ip', ['-6', 'route', 'show'], { encoding: 'utf8' }),
      /default via fec0::2 dev eth0/,
    )
    assert.match(execFileSync('nft', ['list', 'table', 'inet', 'slipway'], { encoding: 'utf8' }), /docker0/)
    assert.equal(await reach(c, a, '172.18.0.2'), '172.18.0.4')
    assert.equal(readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8').trim(), '1')
    assert.match(logged.splice(0).join(), /packet filter was changed by something else/)
    await networks.look()
    assert.deepEqual(logged, [])
    execFileSync('nft', ['delete', 'table', 'inet', 'slipway'])
    await networks.create({ Name: 'mended' })
    await networks.remove('mended')
    assert.match(logged.splice(0).join(), /packet filter was changed by something else/)
    await networks.detach(c.containerId)
  })

  await t.test('prune takes what nobody uses', async () => {
    await networks.detach(a.containerId)
    await networks.detach(b.containerId)
    assert.deepEqual((await networks.prune({})).NetworksDeleted, ['n1', 'n2'])
    assert.doesNotMatch(execFileSync('ip', ['addr'], { encoding: 'utf8' }), /172\.18\./)
    assert.deepEqual((await networks.list({ type: ['builtin'] })).map((n) => n.Name).sort(), [
      'bridge',
      'host',
      'none',
    ])
  })

  assert.deepEqual(logged, [])
})

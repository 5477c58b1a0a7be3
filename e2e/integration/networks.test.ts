import { resolve4 } from 'node:dns/promises'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { networkInterfaces } from 'node:os'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { pushNetTools } from '../fixtures/net-image.ts'
import { freePort } from '../fixtures/registry.ts'
import { type Context, context } from './context.ts'

const BASE = ['srv', 'cli']
const NETWORKS = ['na', 'nb', 'nint', 'nsix', 'nicc', 'nlive', 'nunused', 'nover']
const SERVE = ['busybox', 'httpd', '-f', '-p', '80', '-h', '/']
/** Containers of single tests. */
const EXTRA = ['x1', 'x2', 'x3']

let c: Context
beforeAll(async () => {
  c = await context()
  await pushNetTools(c.registry.url)
  await Promise.all(['busybox', 'nettools'].map((image) => c.ok('pull', '-q', image)))
  const subnet = ['--subnet', '10.77.0.0/24', '--gateway', '10.77.0.254', '--ip-range', '10.77.0.64/26']
  await c.ok('network', 'create', ...subnet, '-o', 'com.docker.network.driver.mtu=1400', 'na')
  await c.ok('network', 'create', 'nb')
  const aliases = ['--network-alias', 'web', '--network-alias', 'www']
  const names = ['--name', 'srv', '--hostname', 'srvhost', '--network', 'na', '--ip', '10.77.0.10']
  await c.ok('run', '-d', ...names, ...aliases, ...SERVE)
  await serving('srv')
  await c.ok(
    'run',
    '-d',
    '--name',
    'cli',
    '--network',
    'na',
    '--cap-add',
    'NET_ADMIN',
    'busybox',
    'sleep',
    '9999',
  )
})
afterEach(() => c.clean(...EXTRA))
afterAll(async () => {
  await c.clean(...BASE)
  for (const name of NETWORKS) await c.docker('network', 'rm', name)
})

const sh = async (container: string, script: string) => c.docker('exec', container, 'sh', '-c', script)
const said = async (container: string, script: string) => (await sh(container, script)).stdout.trim()
/** The host name that a web server in another container has; empty when it cannot be reached within so many seconds. */
const hostOf = (from: string, address: string, seconds = 30) =>
  said(from, `timeout ${seconds} wget -qO- http://${address}/etc/hostname`)
/** Empty when it cannot be reached, which is only known by waiting. */
const notReached = (from: string, address: string) => hostOf(from, address, 3)
/** Resolves when a container's web server listens: its program starts after the container did. */
const serving = (name: string) =>
  c.ok('exec', name, 'sh', '-c', 'until wget -qO /dev/null http://127.0.0.1/etc/hostname; do sleep 0.2; done')
const inspect = (name: string, format: string) => c.ok('inspect', '-f', format, name)
const refused = async (...args: string[]) => {
  const result = await c.docker(...args)
  expect(result.code, result.stdout).not.toBe(0)
  return result.stderr
}

test('a container is found by name, alias, short id, host name and name.network', async () => {
  const id = (await inspect('srv', '{{.Id}}')).slice(0, 12)
  const names = ['srv', 'web', 'www', id, 'srvhost', 'srv.na', 'SRV']
  const script = names.map((name) => `timeout 30 wget -qO- http://${name}/etc/hostname`).join(';')
  expect((await said('cli', script)).split('\n')).toEqual(names.map(() => 'srvhost'))
  expect(await said('cli', 'nslookup 10.77.0.10')).toContain('srv.na')
  expect(JSON.parse(await inspect('srv', '{{json .NetworkSettings.Networks.na.DNSNames}}'))).toEqual([
    'srv',
    'web',
    'www',
    id,
    'srvhost',
  ])
})

test('subnet, gateway, range, static address and MTU are as asked for', async () => {
  expect(await inspect('srv', '{{.NetworkSettings.Networks.na.IPAddress}}')).toBe('10.77.0.10')
  const automatic = await inspect('cli', '{{.NetworkSettings.Networks.na.IPAddress}}')
  expect(automatic).toMatch(/^10\.77\.0\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])$/)
  expect(await said('cli', 'ip route; cat /sys/class/net/eth0/mtu; hostname -i')).toBe(
    `default via 10.77.0.254 dev eth0 \n10.77.0.0/24 dev eth0 scope link  src ${automatic} \n1400\n${automatic}`,
  )
  expect(JSON.parse(await c.ok('network', 'inspect', '-f', '{{json .IPAM.Config}}', 'na'))).toEqual([
    { Subnet: '10.77.0.0/24', IPRange: '10.77.0.64/26', Gateway: '10.77.0.254' },
  ])
})

test('what cannot be is refused in Docker’s words', async () => {
  const start = ['run', '--rm', '--network']
  expect(await refused(...start, 'na', '--ip', '10.77.0.10', 'busybox')).toContain('Address already in use')
  expect(await refused(...start, 'na', '--ip', '10.9.9.9', 'busybox')).toContain(
    'no configured subnet or ip-range contain the IP address 10.9.9.9',
  )
  expect(await refused(...start, 'nb', '--ip', '10.77.0.11', 'busybox')).toContain(
    'only when connecting to networks with user configured subnets',
  )
  expect(await refused(...start, 'nowhere', 'busybox')).toContain('network nowhere not found')
  expect(await refused('network', 'create', '--subnet', '10.77.0.128/25', 'nunused')).toContain(
    'Pool overlaps with other one on this address space',
  )
  expect(await refused('network', 'create', '--subnet', '10.0.2.0/24', 'nunused')).toContain(
    'Pool overlaps with other one on this address space: 10.0.2.0/24 is the machine',
  )
  expect(await refused('network', 'create', 'na')).toContain('network with name na already exists')
  expect(await refused('network', 'create', '-d', 'nosuch', 'nunused')).toContain('plugin "nosuch" not found')
  expect(await refused('network', 'rm', 'bridge')).toContain('pre-defined network and cannot be removed')
})

test('networks are isolated from each other and from the default bridge', async () => {
  await c.ok('run', '-d', '--name', 'x1', '--network', 'nb', 'busybox', 'sleep', '9999')
  await c.ok('run', '-d', '--name', 'x2', 'busybox', 'sleep', '9999')
  expect(await notReached('x1', '10.77.0.10')).toBe('')
  expect(await notReached('x2', '10.77.0.10')).toBe('')
  // And the other way: `cli` serves nothing of x1's or x2's networks.
  for (const [name, network] of [
    ['x1', 'nb'],
    ['x2', 'bridge'],
  ] as const) {
    await sh(name, 'httpd -p 80 -h /')
    await serving(name)
    const address = await inspect(name, `{{.NetworkSettings.Networks.${network}.IPAddress}}`)
    expect(await notReached('cli', address)).toBe('')
    expect(await hostOf(name, '127.0.0.1')).not.toBe('')
  }
  expect((await sh('x1', 'nslookup srv')).stdout).not.toContain('10.77.0.10')
  expect(await hostOf('cli', '10.77.0.10')).toBe('srvhost')
})

test('connect and disconnect act on a running container, with alias and address', async () => {
  await c.ok('network', 'create', '--subnet', '10.78.0.0/24', 'nlive')
  await c.ok('run', '-d', '--name', 'x1', '--network', 'nlive', 'busybox', 'sleep', '9999')
  await c.ok('network', 'connect', '--alias', 'late', '--ip', '10.78.0.9', 'nlive', 'srv')
  expect(await hostOf('x1', 'late')).toBe('srvhost')
  expect(await hostOf('x1', '10.78.0.9')).toBe('srvhost')
  expect(await hostOf('cli', 'web')).toBe('srvhost')
  expect(await refused('network', 'connect', 'nlive', 'srv')).toContain('already exists in network nlive')
  expect(await inspect('srv', '{{range $n, $e := .NetworkSettings.Networks}}{{$n}} {{end}}')).toBe('na nlive')
  expect(await refused('network', 'rm', 'nlive')).toMatch(/has active endpoints.*srv/)
  await c.ok('network', 'disconnect', 'nlive', 'srv')
  expect(await notReached('x1', '10.78.0.9')).toBe('')
  expect((await sh('x1', 'nslookup late')).stdout).not.toContain('10.78.0.9')
  expect(await refused('network', 'disconnect', 'nlive', 'srv')).toContain('is not connected to')
  await c.clean('x1')
  await c.ok('network', 'rm', 'nlive')
})

test('rename: the new name is found at once, the old one is gone', async () => {
  await c.ok('rename', 'srv', 'served')
  expect(await hostOf('cli', 'served')).toBe('srvhost')
  expect((await sh('cli', 'nslookup srv')).stdout).not.toContain('10.77.0.10')
  await c.ok('rename', 'served', 'srv')
  expect(await hostOf('cli', 'srv')).toBe('srvhost')
})

test('an internal network reaches its members and nothing else', async () => {
  await c.ok('network', 'create', '--internal', 'nint')
  await c.ok('run', '-d', '--name', 'x1', '--network', 'nint', ...SERVE)
  await c.ok('run', '-d', '--name', 'x2', '--network', 'nint', 'busybox', 'sleep', '9999')
  await serving('x1')
  expect(await hostOf('x2', 'x1')).not.toBe('')
  expect(await said('x2', 'ip route')).not.toContain('default')
  await using host = await hostServer()
  const outside = `http://10.0.2.2:${host.port}/`
  expect(await said('cli', `timeout 30 wget -qO- ${outside}`)).toBe('from the host')
  // Even with a route of its own making.
  const gateway = await c.ok('network', 'inspect', '-f', '{{(index .IPAM.Config 0).Gateway}}', 'nint')
  await c.ok(
    'run',
    '-d',
    '--name',
    'x3',
    '--network',
    'nint',
    '--cap-add',
    'NET_ADMIN',
    'busybox',
    'sleep',
    '9999',
  )
  expect(await said('x3', `ip route add default via ${gateway}; timeout 2 wget -qO- ${outside}`)).toBe('')
})

test('IPv6 without a subnet: a unique-local one, and a way to the IPv6 world through the VM', async () => {
  await c.ok('network', 'create', '--ipv6', 'nunused')
  const subnet = await c.ok('network', 'inspect', '-f', '{{(index .IPAM.Config 1).Subnet}}', 'nunused')
  expect(subnet).toMatch(/^fd[0-9a-f]{2}:.*::\/64$/)
  // QEMU's name for this computer's own ::1.
  await using host = await hostServer('::1')
  const get = `timeout 20 wget -qO- http://[fec0::2]:${host.port}/; true`
  expect(await c.ok('run', '--rm', '--network', 'nunused', 'busybox', 'sh', '-c', get)).toBe('from the host')
  await c.ok('network', 'rm', 'nunused')
})

test('IPv6: addresses of the subnet, AAAA answers, traffic', async () => {
  await c.ok('network', 'create', '--ipv6', '--subnet', 'fd00:77::/64', 'nsix')
  await c.ok(
    'run',
    '-d',
    '--name',
    'x1',
    '--network',
    'nsix',
    '--ip6',
    'fd00:77::9',
    'busybox',
    'sh',
    '-c',
    'httpd -f -p [::]:80 -h /',
  )
  await c.ok('run', '-d', '--name', 'x2', '--network', 'nsix', 'busybox', 'sleep', '9999')
  expect(await inspect('x1', '{{.NetworkSettings.Networks.nsix.GlobalIPv6Address}}')).toBe('fd00:77::9')
  expect(await said('x2', 'nslookup -type=aaaa x1')).toContain('fd00:77::9')
  const own = await inspect('x1', '{{.Config.Hostname}}')
  await expect.poll(() => hostOf('x2', '[fd00:77::9]'), { timeout: 60_000 }).toBe(own)
})

test('icc=false: members do not reach each other', async () => {
  await c.ok('network', 'create', '-o', 'com.docker.network.bridge.enable_icc=false', 'nicc')
  await c.ok('run', '-d', '--name', 'x1', '--network', 'nicc', ...SERVE)
  await serving('x1')
  await c.ok('run', '-d', '--name', 'x2', '--network', 'nicc', 'busybox', 'sleep', '9999')
  expect(await notReached('x2', await inspect('x1', '{{.NetworkSettings.Networks.nicc.IPAddress}}'))).toBe('')
  expect(await notReached('x2', '127.0.0.1')).toBe('')
  await using host = await hostServer()
  expect(await said('x2', `timeout 30 wget -qO- http://10.0.2.2:${host.port}/`)).toBe('from the host')
})

test('--link gives names on the default bridge and on a user-defined one', async () => {
  await c.ok('run', '-d', '--name', 'x1', ...SERVE)
  await serving('x1')
  const own = await inspect('x1', '{{.Config.Hostname}}')
  expect(
    await c.ok('run', '--rm', '--link', 'x1:store', 'busybox', 'wget', '-qO-', 'http://store/etc/hostname'),
  ).toBe(own)
  const again = ['--name', 'linked', '--link', '/x1:/linked/store', 'busybox']
  const variables = await c.ok('run', ...again, 'env')
  expect(variables).toMatch(/^STORE_NAME=\/linked\/store$/m)
  expect(await inspect('linked', '{{json .HostConfig.Links}}')).toBe('["/x1:/linked/store"]')
  await c.ok('rm', 'linked')
  expect(
    await c.ok(
      'run',
      '--rm',
      '--network',
      'na',
      '--link',
      'srv:store',
      'busybox',
      'wget',
      '-qO-',
      'http://store/etc/hostname',
    ),
  ).toBe('srvhost')
})

test('host.docker.internal, host-gateway and extra hosts lead where they say', async () => {
  await using host = await hostServer()
  const get = (name: string) => `timeout 30 wget -qO- http://${name}:${host.port}/`
  const hosts = ['--add-host', 'mine:host-gateway', '--add-host', 'fixed:10.9.8.7']
  for (const network of ['bridge', 'na']) {
    const output = await c.ok(
      ...['run', '--rm', '--network', network, ...hosts, 'busybox', 'sh', '-c'],
      `${get('host.docker.internal')}; echo; ${get('mine')}; echo; grep fixed /etc/hosts`,
    )
    expect(output).toBe('from the host\nfrom the host\n10.9.8.7\tfixed')
  }
})

test('--dns, --dns-search and --dns-option are used, by the embedded resolver too', async () => {
  const answers = ['--address=/box.example/10.9.9.1', '--address=/short.corp.example/10.9.9.2']
  const dnsmasq = ['dnsmasq', '-k', '-u', 'root', '--pid-file=', '--no-resolv', '--no-hosts', ...answers]
  await c.ok('run', '-d', '--name', 'x1', '--network', 'nb', 'nettools', ...dnsmasq)
  const server = await inspect('x1', '{{.NetworkSettings.Networks.nb.IPAddress}}')
  const dns = ['--dns', server, '--dns-search', 'corp.example', '--dns-option', 'timeout:3']
  await c.ok('run', '-d', '--name', 'x2', '--network', 'nb', ...dns, 'busybox', 'sleep', '9999')
  const addressOf = (name: string) => said('x2', `ping -c1 -W1 ${name} | head -n1`)
  await expect.poll(() => addressOf('box.example'), { timeout: 30_000 }).toContain('(10.9.9.1)')
  await expect.poll(() => addressOf('short')).toContain('(10.9.9.2)')
  await expect.poll(() => addressOf('x1')).toContain(`(${server})`)
  expect(await said('x2', 'cat /etc/resolv.conf')).toBe(
    'nameserver 127.0.0.11\nsearch corp.example\noptions timeout:3 ndots:0',
  )
  expect(await c.ok('run', '--rm', ...dns, 'busybox', 'cat', '/etc/resolv.conf')).toBe(
    `nameserver ${server}\nsearch corp.example\noptions timeout:3`,
  )
})

test('what nobody here knows is asked of the resolver of this computer', async ({ skip }) => {
  const name = 'registry.npmjs.org'
  const expected = await resolve4(name).catch(() => undefined)
  if (!expected) return skip('this computer resolves no names')
  for (const network of ['na', 'bridge']) {
    const answer = await c.ok(
      'run',
      '--rm',
      '--network',
      network,
      'busybox',
      'nslookup',
      '-type=a',
      `${name}.`,
    )
    // Which of a name's addresses one is told is up to its servers.
    expect(
      expected.some((address) => answer.includes(address)),
      answer,
    ).toBe(true)
  }
})

test('a network over one that this computer has a route to is warned of, and never chosen', async ({
  skip,
}) => {
  const route = ownSubnet()
  if (!route) return skip('this computer is on no network')
  await c.ok('network', 'create', '--subnet', route, 'nover')
  expect((await c.docker('info')).stderr).toContain(`network nover: ${route} overlaps`)
  await c.ok('network', 'rm', 'nover')
  expect((await c.docker('info')).stderr).not.toContain('nover')
})

test('published ports follow to another network when theirs goes, and come back with one', async () => {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}/etc/hostname`
  const page = () => fetch(url, { signal: AbortSignal.timeout(20_000) }).then((reply) => reply.text(), String)
  await c.ok(
    'run',
    '-d',
    '--name',
    'x1',
    '--hostname',
    'moved',
    '-p',
    `${port}:80`,
    '--network',
    'nb',
    ...SERVE,
  )
  await c.ok('network', 'connect', 'na', 'x1')
  await expect.poll(page, { timeout: 30_000 }).toBe('moved\n')
  await c.ok('network', 'disconnect', 'nb', 'x1')
  expect(await page()).toBe('moved\n')
  expect(await c.ok('port', 'x1', '80')).toContain(`127.0.0.1:${port}`)
  await c.ok('network', 'disconnect', 'na', 'x1')
  expect(await page()).toContain('fetch failed')
  expect(await c.ok('port', 'x1')).toBe('')
  await c.ok('network', 'connect', 'bridge', 'x1')
  expect(await page()).toBe('moved\n')
})

test('ports without an address take the one that their network names', async () => {
  const port = await freePort()
  await c.ok('network', 'create', '-o', 'com.docker.network.bridge.host_binding_ipv4=127.0.0.8', 'nlive')
  await c.ok('run', '-d', '--name', 'x1', '-p', `${port}:80`, '--network', 'nlive', ...SERVE)
  expect(await c.ok('port', 'x1')).toBe(`80/tcp -> 127.0.0.8:${port}`)
  await c.clean('x1')
  await c.ok('network', 'rm', 'nlive')
})

test('what inspect shows of networks and members is the same after kill -9 of the agent', async () => {
  const shown = () => c.ok('network', 'inspect', 'na', 'nb', 'bridge', 'host', 'none')
  const before = await shown()
  expect(JSON.parse(before)[0].Containers).not.toEqual({})
  await c.slipway('ssh', 'kill -9 $(pidof node)')
  await expect.poll(async () => (await c.docker('version')).code, { timeout: 60_000 }).toBe(0)
  expect(await shown()).toBe(before)
  expect(await hostOf('cli', 'web')).toBe('srvhost')
})

test('host, none and container: networks', async () => {
  expect(await c.ok('run', '--rm', '--network', 'host', 'busybox', 'ip', 'addr')).toContain('10.0.2.15')
  expect(await c.ok('run', '--rm', '--network', 'none', 'busybox', 'ls', '/sys/class/net')).toBe('lo')
  const shared = [
    'run',
    '--rm',
    '--network',
    'container:srv',
    'busybox',
    'wget',
    '-qO-',
    'http://127.0.0.1/etc/hostname',
  ]
  expect(await c.ok(...shared)).toBe('srvhost')
  expect(await refused('run', '--rm', '--network', 'container:srv', '-p', '81:80', 'busybox')).toContain(
    'conflicting options: port publishing and the container type network mode',
  )
})

test('an endpoint’s own wishes: link-local address, interface name, kernel settings, MAC address', async () => {
  const option = 'driver-opt=com.docker.network.endpoint'
  const seen = await c.ok(
    ...['run', '--rm', '--network'],
    `name=nb,link-local-ip=169.254.9.9,mac-address=02:11:22:33:44:55,${option}.ifname=lan0,${option}.sysctls=net.ipv4.conf.IFNAME.log_martians=1`,
    ...['busybox', 'sh', '-c', 'ip addr show dev lan0; cat /proc/sys/net/ipv4/conf/lan0/log_martians'],
  )
  expect(seen).toContain('link/ether 02:11:22:33:44:55')
  expect(seen).toContain('inet 169.254.9.9/16')
  expect(seen).toMatch(/\n1$/)
})

test('prune takes unused networks only, by label too', async () => {
  await c.ok('network', 'create', '--label', 'keep=1', 'nunused')
  expect(await c.ok('network', 'prune', '-f', '--filter', 'label!=keep')).not.toContain('nunused')
  expect(await c.ok('network', 'prune', '-f', '--filter', 'until=1h')).not.toContain('nunused')
  expect(await refused('network', 'prune', '-f', '--filter', 'color=red')).toContain("invalid filter 'color'")
  expect(await c.ok('network', 'prune', '-f', '--filter', 'label=keep')).toContain('nunused')
  const left = await c.ok('network', 'ls', '--format', '{{.Name}}')
  expect(left.split('\n')).toEqual(expect.arrayContaining(['bridge', 'host', 'na', 'none']))
})

/** An HTTP server on this computer's loopback. */
async function hostServer(address = '127.0.0.1'): Promise<AsyncDisposable & { port: number }> {
  const server = createServer((_request, response) => response.end('from the host')).listen(0, address)
  await once(server, 'listening')
  const bound = server.address()
  return {
    port: typeof bound === 'object' && bound ? bound.port : 0,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** The IPv4 network that this computer is on; undefined where there is none of a size that a container network can have. */
function ownSubnet(): string | undefined {
  const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? [])
  const own = addresses.find(({ family, internal }) => family === 'IPv4' && !internal)
  const bits = Number(own?.cidr?.split('/')[1])
  // 10.0.2.0/24 is the machine's own.
  if (!own || bits < 16 || bits > 28 || own.address.startsWith('10.0.')) return undefined
  const mask = own.netmask.split('.').map(Number)
  const base = own.address.split('.').map((byte, i) => Number(byte) & (mask[i] ?? 0))
  return `${base.join('.')}/${bits}`
}

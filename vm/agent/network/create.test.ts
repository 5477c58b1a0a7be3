import { expect, test } from 'vitest'
import type { EngineError } from '../../api/errors.ts'
import type { EndpointSettings, NetworkCreateRequest } from '../../api/networks.ts'
import { parsePrefix } from './address.ts'
import { buildNetwork, overlapWarning } from './create.ts'
import { askedSysctls, checkSettings } from './endpoint.ts'
import type { NetworkRecord } from './record.ts'

const around = (networks: NetworkRecord[] = [], avoid: string[] = []) => ({
  networks,
  avoid: avoid.flatMap((text) => parsePrefix(text)?.prefix ?? []),
  own: [parsePrefix('10.0.2.0/24')?.prefix].flatMap((prefix) => prefix ?? []),
  id: 'ab'.repeat(32),
  created: '2026-01-01T00:00:00.000Z',
  random: (bytes: number) => Buffer.alloc(bytes, 7),
})
const build = (request: NetworkCreateRequest, ...rest: Parameters<typeof around>) =>
  buildNetwork(request, around(...rest))
function failure(request: NetworkCreateRequest, networks: NetworkRecord[] = []): string {
  try {
    build(request, networks)
  } catch (error) {
    return `${(error as EngineError).kind}: ${(error as EngineError).message}`
  }
  throw new Error('did not fail')
}

test('a plain network gets the next pool, a gateway and a bridge named after its id', () => {
  expect(build({ Name: 'n1' }, [], ['172.17.0.0/16', '172.18.4.0/24'])).toMatchObject({
    ipam: [{ Subnet: '172.19.0.0/16', Gateway: '172.19.0.1' }],
    bridge: 'br-abababababab',
    chosenSubnet: false,
    enableIPv6: false,
  })
})

test('where the host has routes to every pool, one that no network has is taken all the same', () => {
  const first = { ...build({ Name: 'n1' }, [], ['172.16.0.0/12', '192.168.0.0/16']), bridge: 'br-first' }
  expect(first.ipam[0]?.Subnet).toBe('172.17.0.0/16')
  expect(build({ Name: 'n2' }, [first], ['0.0.0.0/1', '128.0.0.0/1']).ipam[0]?.Subnet).toBe('172.18.0.0/16')
})

test('a subnet that would cut the machine off is refused', () => {
  for (const Subnet of ['10.0.2.0/24', '10.0.0.0/16', '10.0.2.128/25']) {
    expect(failure({ Name: 'n1', IPAM: { Config: [{ Subnet }] } })).toMatch(
      /^permission_denied: .*Pool overlaps.*10\.0\.2\.0\/24 is the machine's own network/,
    )
  }
})

test('IPv6 without a subnet takes a unique-local one', () => {
  expect(build({ Name: 'n1', EnableIPv6: true }).ipam).toEqual([
    { Subnet: '172.17.0.0/16', Gateway: '172.17.0.1' },
    { Subnet: 'fd07:707:707:707::/64', Gateway: 'fd07:707:707:707::1' },
  ])
})

test('what Docker refuses is refused with its kind and words', () => {
  const first = {
    ...build({ Name: 'n1', IPAM: { Config: [{ Subnet: '10.1.0.0/16' }] } }),
    bridge: 'br-first',
  }
  expect([first.ipamOptions, build({ Name: 'n1', IPAM: { Options: {} } }).ipamOptions]).toEqual([null, {}])
  expect(failure({ Name: 'n1' }, [first])).toBe('conflict: network with name n1 already exists')
  expect(failure({ Name: 'host' })).toBe(
    'permission_denied: operation is not permitted on predefined host network ',
  )
  expect(failure({ Name: ' ' })).toBe('invalid_argument: invalid name: name is empty')
  expect(failure({ Name: 'x', Driver: 'nope' })).toBe('not_found: plugin "nope" not found')
  expect(failure({ Name: 'x', Driver: 'macvlan' })).toContain('not_implemented: network driver macvlan')
  expect(failure({ Name: 'x', Driver: 'overlay' })).toMatch(
    /^permission_denied: This node is not a swarm manager/,
  )
  expect(failure({ Name: 'x', Scope: 'swarm' })).toBe(
    'permission_denied: cannot create a swarm scoped network when swarm is not active',
  )
  expect(failure({ Name: 'x', Ingress: true })).toBe(
    'permission_denied: Ingress network can only be global scope network',
  )
  expect(failure({ Name: 'x', ConfigFrom: { Network: 'y' } })).toBe(
    'not_found: configuration network "y" does not exist',
  )
  expect(failure({ Name: 'x', Options: { 'com.docker.network.bridge.enable_icc': 'maybe' } })).toBe(
    'invalid_argument: failed to parse com.docker.network.bridge.enable_icc value: maybe (strconv.ParseBool: parsing "maybe": invalid syntax)',
  )
  expect(failure({ Name: 'x', EnableIPv4: false })).toContain('IPv4 or IPv6 must be enabled')
  expect(failure({ Name: 'x', Options: { 'com.docker.network.driver.mtu': 'big' } })).toContain('mtu')
  expect(failure({ Name: 'x', IPAM: { Config: [{ Subnet: '10.1.2.0/24' }] } }, [first])).toBe(
    'permission_denied: invalid pool request: Pool overlaps with other one on this address space',
  )
})

test('static addresses need a chosen subnet that holds them', () => {
  const chosen = build({ Name: 'n1', IPAM: { Config: [{ Subnet: '10.1.0.0/16' }] } })
  const given = build({ Name: 'n2' })
  const check = (network: NetworkRecord, IPv4Address: string) => () =>
    checkSettings(network.name, network, { IPAMConfig: { IPv4Address } })
  const noSubnets = 'only when connecting to networks with user configured subnets'
  expect(check(chosen, '10.1.0.9')).not.toThrow()
  expect(check(chosen, '10.2.0.9')).toThrow(
    /^invalid endpoint settings:\nno configured subnet or ip-range contain the IP address 10\.2\.0\.9$/,
  )
  expect(check(given, 'x')).toThrow(
    new RegExp(
      `^invalid endpoint settings:\\n\\* invalid IPv4 address: x\\n\\* user specified .* ${noSubnets}$`,
    ),
  )
  expect(check(given, '172.17.0.9')).toThrow(
    new RegExp(`settings:\\nuser specified IP address is .* ${noSubnets}$`),
  )
  expect(check({ ...given, name: 'bridge' }, '172.17.0.9')).toThrow(
    /settings:\nuser specified IP address is supported on user defined networks only$/,
  )
})

test('settings of an endpoint are checked before a network of that name exists', () => {
  const check =
    (settings: EndpointSettings, name = 'later') =>
    () =>
      checkSettings(name, undefined, settings)
  expect(check({ IPAMConfig: { IPv4Address: '10.2.0.9', LinkLocalIPs: ['169.254.3.4'] } })).not.toThrow()
  expect(check({ IPAMConfig: { IPv6Address: '10.2.0.9' } })).toThrow('invalid IPv6 address: 10.2.0.9')
  expect(check({ IPAMConfig: { LinkLocalIPs: ['near'] } })).toThrow('invalid link-local IP address: near')
  expect(check({ Aliases: ['a'] }, 'bridge')).toThrow('network-scoped alias is supported only for')
  expect(check({ MacAddress: 'zz' })).toThrow(/^invalid MAC address zz$/)
})

test('options of the driver for one endpoint are understood or refused', () => {
  const of = (name: string, value: string) => ({
    DriverOpts: { [`com.docker.network.endpoint.${name}`]: value },
  })
  const check = (settings: EndpointSettings) => () => checkSettings('n', undefined, settings)
  expect(check(of('sysctls', 'net.ipv4.conf.eth0.log_martians=1'))).toThrow(
    "unrecognised network interface sysctl 'net.ipv4.conf.eth0.log_martians=1'",
  )
  const wish = of('sysctls', 'net.ipv4.conf.IFNAME.log_martians=1,net.ipv6.conf.ifname.accept_ra=2')
  expect(check(wish)).not.toThrow()
  expect(askedSysctls(wish, 'eth1')).toEqual([
    ['net/ipv4/conf/eth1/log_martians', '1'],
    ['net/ipv6/conf/eth1/accept_ra', '2'],
  ])
  expect(check(of('sysctls', 'net.ipv4.conf.IFNAME.../../x=1'))).toThrow(
    'unrecognised network interface sysctl',
  )
  expect(check(of('ifname', 'a/b'))).toThrow('invalid interface name')
  expect(check(of('ifname', 'lan0'))).not.toThrow()
})

test('a subnet that hides something the user’s computer reaches is made with a warning', () => {
  const routes = ['172.20.0.0/14', '192.168.2.0/24'].flatMap((text) => parsePrefix(text)?.prefix ?? [])
  const chosen = build({ Name: 'n1', IPAM: { Config: [{ Subnet: '172.21.3.0/24' }] } })
  expect(overlapWarning(chosen, routes)).toBe(
    'network n1: 172.21.3.0/24 overlaps 172.20.0.0/14, which this computer has a route to: containers cannot reach it while the network exists',
  )
  expect(overlapWarning(build({ Name: 'n2' }), routes)).toBe('')
})

test('bridge options that cannot be honoured are refused by name, not ignored', () => {
  const option = (name: string, value: string) =>
    failure({ Name: 'n1', Options: { [`com.docker.network.bridge.${name}`]: value } })
  expect(option('gateway_mode_ipv4', 'routed')).toMatch(/gateway_mode_ipv4=routed is not supported/)
  expect(option('gateway_mode_ipv6', 'odd')).toMatch(/gateway_mode_ipv6: unknown gateway mode odd/)
  expect(option('inhibit_ipv4', 'true')).toMatch(/inhibit_ipv4=true is not supported/)
  expect(option('host_binding_ipv4', 'here')).toMatch(/invalid value for .*host_binding_ipv4: "here"/)
  const fine = { 'com.docker.network.bridge.gateway_mode_ipv4': 'nat' }
  expect(build({ Name: 'n1', Options: fine }).options).toEqual(fine)
})

/** One container's end of one network: checks of what is asked for, and what inspect shows of it. Pure. */
import { EngineError } from '../../api/errors.ts'
import type { EndpointSettings } from '../../api/networks.ts'
import { type Address, contains, parseAddress } from './address.ts'
import { subnetOf } from './ipam.ts'
import type { EndpointRecord, NetworkRecord } from './record.ts'

/** Names of the predefined networks: no addresses of one's own, no aliases, no resolver. */
export function isUserDefined(network: NetworkRecord): boolean {
  return network.driver === 'bridge' && network.name !== 'bridge'
}

const IFNAME = 'com.docker.network.endpoint.ifname'
const SYSCTLS = 'com.docker.network.endpoint.sysctls'
const SYSCTL =
  /^net\.(?<family>ipv4|ipv6|mpls)\.(?<group>[a-z_]+)\.(?:IFNAME|ifname)\.(?<name>[a-z0-9_]+)=(?<value>.*)$/

/**
 * Refuses settings that the network cannot honour; invalid_argument lists them all, in Docker's words. Of a network
 * that is not there yet (`undefined`) only what no network could honour.
 */
export function checkSettings(
  name: string,
  network: NetworkRecord | undefined,
  settings: EndpointSettings,
): void {
  if (settings.MacAddress && !isMac(settings.MacAddress)) {
    throw new EngineError('invalid_argument', `invalid MAC address ${settings.MacAddress}`)
  }
  const problems = [
    ...predefinedProblems(name, settings),
    ...addressProblems(settings),
    ...(network ? subnetProblems(network, settings) : []),
    ...driverProblems(settings),
  ]
  if (problems.length === 0) return
  const list = problems.length === 1 ? problems : problems.map((problem) => `* ${problem}`)
  throw new EngineError('invalid_argument', `invalid endpoint settings:\n${list.join('\n')}`)
}

function* predefinedProblems(name: string, settings: EndpointSettings): Generator<string> {
  if (!['bridge', 'host', 'none', 'default'].includes(name)) return
  if (settings.IPAMConfig?.IPv4Address || settings.IPAMConfig?.IPv6Address) {
    yield 'user specified IP address is supported on user defined networks only'
  }
  if ((settings.Aliases ?? []).length > 0) {
    yield 'network-scoped alias is supported only for containers in user defined networks'
  }
}

function asked(settings: EndpointSettings): [family: 4 | 6, text: string][] {
  const { IPv4Address, IPv6Address } = settings.IPAMConfig ?? {}
  return [
    ...(IPv4Address ? [[4, IPv4Address] as [4, string]] : []),
    ...(IPv6Address ? [[6, IPv6Address] as [6, string]] : []),
  ]
}

function* addressProblems(settings: EndpointSettings): Generator<string> {
  for (const [family, text] of asked(settings)) {
    const address = parseAddress(text)
    if (!address || address.family !== family || address.value === 0n)
      yield `invalid IPv${family} address: ${text}`
  }
  for (const text of settings.IPAMConfig?.LinkLocalIPs ?? []) {
    const address = parseAddress(text)
    if (!address || address.value === 0n) yield `invalid link-local IP address: ${text}`
  }
}

function* subnetProblems(network: NetworkRecord, settings: EndpointSettings): Generator<string> {
  for (const [family, text] of asked(settings)) {
    const address = parseAddress(text)
    const subnets = network.chosenSubnet || network.name === 'bridge' ? network.ipam : []
    const own = subnets.map((config) => subnetOf(config).prefix).filter((prefix) => prefix.family === family)
    if (own.length === 0) {
      yield 'user specified IP address is supported only when connecting to networks with user configured subnets'
    } else if (!address || !own.some((prefix) => contains(prefix, address))) {
      yield `no configured subnet or ip-range contain the IP address ${text}`
    }
  }
}

function* driverProblems(settings: EndpointSettings): Generator<string> {
  const options = settings.DriverOpts ?? {}
  for (const setting of options[SYSCTLS]?.split(',') ?? []) {
    if (SYSCTL.test(setting)) continue
    yield `unrecognised network interface sysctl '${setting}'; represent 'net.X.Y.ethN.Z=V' as 'net.X.Y.IFNAME.Z=V', 'X' must be 'ipv4', 'ipv6' or 'mpls'`
  }
  const name = options[IFNAME]
  if (name !== undefined && !/^(?!\.{1,2}$)[^\s/:]{1,15}$/.test(name)) {
    yield `invalid interface name in driver option ${IFNAME}: ${JSON.stringify(name)}`
  }
}

/** The interface name inside the container that was asked for. */
export function askedInterface(settings: EndpointSettings): string | undefined {
  return settings.DriverOpts?.[IFNAME]
}

/** Kernel settings of the interface that were asked for: path under `/proc/sys`, value. */
export function askedSysctls(settings: EndpointSettings, name: string): [path: string, value: string][] {
  const wanted = settings.DriverOpts?.[SYSCTLS]?.split(',') ?? []
  return wanted.flatMap((setting): [string, string][] => {
    const { family, group, name: key, value } = SYSCTL.exec(setting)?.groups ?? {}
    if (!family || !group || !key) return []
    return [[['net', family, group, name, key].join('/'), value ?? '']]
  })
}

/** The link-local addresses that were asked for, each with the size of its network. */
export function linkLocalAddresses(settings: EndpointSettings): { address: Address; bits: number }[] {
  return (settings.IPAMConfig?.LinkLocalIPs ?? []).flatMap((text) => {
    const address = parseAddress(text)
    return address ? [{ address, bits: address.family === 4 ? 16 : 64 }] : []
  })
}

export function isMac(text: string): boolean {
  return /^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i.test(text)
}

/** What other containers of a user-defined network find the container by, in Docker's order. */
export function dnsNames(
  container: { id: string; name: string; hostname: string },
  aliases: string[],
): string[] {
  return [...new Set([container.name, ...aliases, container.id.slice(0, 12), container.hostname])].filter(
    (name) => name !== '',
  )
}

/** The endpoint as inspect shows it. */
export function endpointSettings(network: NetworkRecord, endpoint: EndpointRecord): EndpointSettings {
  const v4 = network.ipam.find((config) => !config.Subnet?.includes(':'))
  const v6 = network.ipam.find((config) => config.Subnet?.includes(':'))
  const gateway = (config: typeof v4, address: string) =>
    address !== '' && !network.internal ? (config?.Gateway ?? '') : ''
  const { settings } = endpoint
  return {
    IPAMConfig: settings.IPAMConfig ?? null,
    Links: settings.Links ?? null,
    Aliases: settings.Aliases ?? null,
    MacAddress: endpoint.mac,
    DriverOpts: settings.DriverOpts ?? null,
    GwPriority: settings.GwPriority ?? 0,
    NetworkID: network.id,
    EndpointID: endpoint.endpointId,
    Gateway: gateway(v4, endpoint.ipv4),
    IPAddress: endpoint.ipv4,
    IPPrefixLen: endpoint.ipv4 === '' ? 0 : bitsOf(v4?.Subnet),
    IPv6Gateway: gateway(v6, endpoint.ipv6),
    GlobalIPv6Address: endpoint.ipv6,
    GlobalIPv6PrefixLen: endpoint.ipv6 === '' ? 0 : bitsOf(v6?.Subnet),
    DNSNames: isUserDefined(network) ? endpoint.names : null,
  }
}

function bitsOf(subnet: string | undefined): number {
  return Number(subnet?.split('/')[1] ?? 0)
}

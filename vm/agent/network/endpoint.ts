/** One container's end of one network: checks of what is asked for, and what inspect shows of it. Pure. */
import { EngineError } from '../../api/errors.ts'
import type { EndpointSettings } from '../../api/networks.ts'
import { contains, parseAddress } from './address.ts'
import { subnetOf } from './ipam.ts'
import type { EndpointRecord, NetworkRecord } from './record.ts'

/** Names of the predefined networks: no addresses of one's own, no aliases, no resolver. */
export function isUserDefined(network: NetworkRecord): boolean {
  return network.driver === 'bridge' && network.name !== 'bridge'
}

/** Refuses settings that the network cannot honour; invalid_argument lists them all, in Docker's words. */
export function checkSettings(network: NetworkRecord, settings: EndpointSettings): void {
  const problems = [...addressProblems(network, settings)]
  if (!isUserDefined(network) && (settings.Aliases ?? []).length > 0) {
    problems.push('network-scoped aliases are only supported for user-defined networks')
  }
  if (settings.MacAddress && !isMac(settings.MacAddress)) {
    problems.push(`invalid MAC address ${settings.MacAddress}`)
  }
  if (problems.length === 0) return
  throw new EngineError(
    'invalid_argument',
    `invalid config for network ${network.name}: invalid endpoint settings:\n${problems.join('\n')}`,
  )
}

function* addressProblems(network: NetworkRecord, settings: EndpointSettings): Generator<string> {
  const asked = [
    [4, settings.IPAMConfig?.IPv4Address],
    [6, settings.IPAMConfig?.IPv6Address],
  ] as const
  for (const [family, text] of asked) {
    if (!text) continue
    const address = parseAddress(text)
    if (!address || address.family !== family) {
      yield `invalid IPv${family} address: ${text}`
    } else if (!isUserDefined(network)) {
      yield 'user specified IP address is supported on user defined networks only'
    } else if (!network.chosenSubnet) {
      yield 'user specified IP address is supported only when connecting to networks with user configured subnets'
    } else if (!network.ipam.some((config) => contains(subnetOf(config).prefix, address))) {
      yield `no configured subnet contains IP address ${text}`
    }
  }
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

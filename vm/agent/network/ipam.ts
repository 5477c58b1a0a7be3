/** IP address management: which subnet a network gets and which address a container gets. Pure: state in, state out. */
import type { IpamConfig } from '../../api/networks.ts'
import {
  type Address,
  contains,
  formatAddress,
  formatPrefix,
  lastAddress,
  overlaps,
  type Prefix,
  parseAddress,
  parsePrefix,
  width,
} from './address.ts'

/** Docker's predefined pools (libnetwork/ipamutils): base and the size of each subnet cut from it. */
export const DEFAULT_POOLS: readonly { base: string; size: number }[] = [
  { base: '172.17.0.0/16', size: 16 },
  { base: '172.18.0.0/16', size: 16 },
  { base: '172.19.0.0/16', size: 16 },
  { base: '172.20.0.0/14', size: 16 },
  { base: '172.24.0.0/14', size: 16 },
  { base: '172.28.0.0/14', size: 16 },
  { base: '192.168.0.0/16', size: 20 },
]

/** One subnet of a network. */
export interface Subnet {
  prefix: Prefix
  /** Addresses are handed out from here; the whole prefix when not restricted. */
  range: Prefix
  gateway: Address
  /** Addresses that exist outside of our control. */
  auxiliary: Record<string, string>
}

/** First predefined subnet that touches none of `taken`; undefined when all are used up. */
export function choosePrefix(taken: readonly Prefix[], pools = DEFAULT_POOLS): Prefix | undefined {
  for (const pool of pools) {
    const base = prefixOf(pool.base)
    const step = 1n << BigInt(width(base.family) - pool.size)
    for (let at = base.base; at <= lastAddress(base); at += step) {
      const candidate = { family: base.family, base: at, bits: pool.size }
      if (!taken.some((other) => overlaps(other, candidate))) return candidate
    }
  }
  return undefined
}

/** A unique-local /64 (RFC 4193) derived from random bytes, clear of `taken`. */
export function chooseUlaPrefix(taken: readonly Prefix[], random: (bytes: number) => Buffer): Prefix {
  for (;;) {
    const id = random(7)
    const base = BigInt(`0xfd${id.toString('hex')}`) << 64n
    const candidate: Prefix = { family: 6, base, bits: 64 }
    if (!taken.some((other) => overlaps(other, candidate))) return candidate
  }
}

function prefixOf(text: string): Prefix {
  const parsed = parsePrefix(text)
  if (!parsed) throw new Error(`${text}: not a prefix`)
  return parsed.prefix
}

/** Everything wrong with a network's IPAM configuration, in Docker's words; empty when it is fine. */
export function ipamProblems(configs: readonly IpamConfig[], enableIPv6: boolean): string[] {
  return configs.flatMap((config) => {
    const subnet = parsePrefix(config.Subnet ?? '')
    if (!subnet) return [`invalid subnet ${config.Subnet ?? ''}: invalid CIDR block notation`]
    const { prefix, address } = subnet
    if (prefix.family === 6 && !enableIPv6) return []
    const problems: string[] = []
    if (address.value !== prefix.base) {
      problems.push(`invalid subnet ${config.Subnet}: it should be ${formatPrefix(prefix)}`)
    }
    problems.push(...rangeProblems(config.IPRange, prefix))
    const gateway = addressProblem(config.Gateway, prefix)
    if (gateway) problems.push(`invalid gateway ${config.Gateway}: ${gateway}`)
    for (const [name, value] of Object.entries(config.AuxiliaryAddresses ?? {})) {
      const problem = addressProblem(value, prefix)
      if (problem) problems.push(`invalid auxiliary address ${name}: ${problem}`)
    }
    return problems
  })
}

function rangeProblems(text: string | undefined, subnet: Prefix): string[] {
  if (!text) return []
  const parsed = parsePrefix(text)
  if (!parsed) return [`invalid ip-range ${text}: invalid CIDR block notation`]
  const { prefix, address } = parsed
  if (prefix.family !== subnet.family) {
    return [`invalid ip-range ${text}: parent subnet is an IPv${subnet.family} block`]
  }
  const parent = formatPrefix(subnet)
  const problems: string[] = []
  if (prefix.bits < subnet.bits) {
    problems.push(`invalid ip-range ${text}: CIDR block is bigger than its parent subnet ${parent}`)
  }
  if (address.value !== prefix.base) {
    problems.push(`invalid ip-range ${text}: it should be ${formatPrefix(prefix)}`)
  }
  if (!overlaps(prefix, subnet)) {
    problems.push(`invalid ip-range ${text}: parent subnet ${parent} doesn't contain ip-range`)
  }
  return problems
}

function addressProblem(text: string | undefined, subnet: Prefix): string | undefined {
  if (!text) return undefined
  const address = parseAddress(text)
  if (!address) return 'invalid address'
  if (address.family !== subnet.family) return `parent subnet is an IPv${subnet.family} block`
  if (!contains(subnet, address)) {
    return `parent subnet ${formatPrefix(subnet)} doesn't contain this address`
  }
  return undefined
}

/** The subnet that a checked configuration describes; the gateway defaults to the first usable address of the range. */
export function subnetOf(config: IpamConfig): Subnet {
  const prefix = prefixOf(config.Subnet ?? '')
  const range = config.IPRange ? prefixOf(config.IPRange) : prefix
  const auxiliary = config.AuxiliaryAddresses ?? {}
  const reserved = new Set(Object.values(auxiliary).map((text) => parseAddress(text)?.value))
  let gateway = parseAddress(config.Gateway ?? '')?.value
  if (gateway === undefined) {
    gateway = range.base === prefix.base ? prefix.base + 1n : range.base
    while (reserved.has(gateway)) gateway++
  }
  return { prefix, range, gateway: { family: prefix.family, value: gateway }, auxiliary }
}

/** What inspect shows of a subnet. */
export function ipamConfigOf(subnet: Subnet): IpamConfig {
  const { prefix, range, gateway, auxiliary } = subnet
  return {
    Subnet: formatPrefix(prefix),
    ...(range.bits !== prefix.bits ? { IPRange: formatPrefix(range) } : {}),
    Gateway: formatAddress(gateway),
    ...(Object.keys(auxiliary).length > 0 ? { AuxiliaryAddresses: auxiliary } : {}),
  }
}

/** The lowest free address, as Docker gives them out; undefined: none left. */
export function allocate(subnet: Subnet, used: ReadonlySet<bigint>): Address | undefined {
  const { prefix, range } = subnet
  for (let value = range.base; value <= lastAddress(range); value++) {
    if (!used.has(value) && !isReserved(subnet, value)) return { family: prefix.family, value }
  }
  return undefined
}

/** Network address, broadcast address, gateway and auxiliary addresses belong to nobody. */
export function isReserved({ prefix, gateway, auxiliary }: Subnet, value: bigint): boolean {
  const hostBits = width(prefix.family) - prefix.bits
  if (hostBits > 1 && value === prefix.base) return true
  if (prefix.family === 4 && hostBits > 1 && value === lastAddress(prefix)) return true
  if (value === gateway.value) return true
  return Object.values(auxiliary).some((text) => parseAddress(text)?.value === value)
}

/**
 * `02:42:` and the IPv4 address: an address that is given out again comes with the same MAC, so no neighbour keeps a
 * stale one. Random bytes only where there is no IPv4 address.
 */
export function macFor(ipv4: string, random: (bytes: number) => Buffer): string {
  const tail = ipv4 === '' ? random(4) : Buffer.from(ipv4.split('.').map(Number))
  return ['02', '42', ...[...tail].map((byte) => byte.toString(16).padStart(2, '0'))].join(':')
}

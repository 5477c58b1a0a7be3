/** Arithmetic on IP addresses and prefixes. Pure. Addresses are compared as numbers, so `::1` and `0:0::1` are one. */
import { isIPv4, isIPv6 } from 'node:net'

export type Family = 4 | 6

export interface Address {
  family: Family
  value: bigint
}

export interface Prefix {
  family: Family
  /** The first address. */
  base: bigint
  bits: number
}

/** Parses an IPv4 or IPv6 address without zone; undefined for anything else. */
export function parseAddress(text: string): Address | undefined {
  if (isIPv4(text)) {
    return { family: 4, value: text.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n) }
  }
  if (!isIPv6(text) || text.includes('%')) return undefined
  return { family: 6, value: parseGroups(embeddedIpv4ToGroups(text)) }
}

function embeddedIpv4ToGroups(text: string): string {
  const at = text.lastIndexOf(':')
  const tail = text.slice(at + 1)
  if (!tail.includes('.')) return text
  const value = parseAddress(tail)?.value ?? 0n
  return `${text.slice(0, at + 1)}${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`
}

function parseGroups(text: string): bigint {
  const [left = '', right] = text.split('::')
  const head = left === '' ? [] : left.split(':')
  const tail = right === undefined || right === '' ? [] : right.split(':')
  const zeros = right === undefined ? [] : new Array<string>(8 - head.length - tail.length).fill('0')
  return [...head, ...zeros, ...tail].reduce((sum, group) => sum * 65536n + BigInt(`0x${group}`), 0n)
}

/** Canonical text (RFC 5952 for IPv6). */
export function formatAddress({ family, value }: Address): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.')
  const groups = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16))
  const run = longestZeroRun(groups)
  if (run.length < 2) return groups.join(':')
  return `${groups.slice(0, run.start).join(':')}::${groups.slice(run.start + run.length).join(':')}`
}

function longestZeroRun(groups: string[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  for (let start = 0; start < groups.length; start++) {
    let length = 0
    while (groups[start + length] === '0') length++
    if (length > best.length) best = { start, length }
  }
  return best
}

/** Parses `address/bits`; host bits are kept in `address`, cleared in `prefix`. */
export function parsePrefix(text: string): { address: Address; prefix: Prefix } | undefined {
  const match = /^(?<address>[^/]+)\/(?<bits>\d{1,3})$/.exec(text)
  const address = parseAddress(match?.groups?.['address'] ?? '')
  const bits = Number(match?.groups?.['bits'])
  if (!address || bits > width(address.family)) return undefined
  return { address, prefix: { family: address.family, base: mask(address, bits), bits } }
}

export function formatPrefix({ family, base, bits }: Prefix): string {
  return `${formatAddress({ family, value: base })}/${bits}`
}

/** 32 or 128. */
export function width(family: Family): number {
  return family === 4 ? 32 : 128
}

function mask({ family, value }: Address, bits: number): bigint {
  const host = BigInt(width(family) - bits)
  return (value >> host) << host
}

export function lastAddress({ family, base, bits }: Prefix): bigint {
  return base + (1n << BigInt(width(family) - bits)) - 1n
}

export function contains(prefix: Prefix, address: Address): boolean {
  return prefix.family === address.family && mask(address, prefix.bits) === prefix.base
}

export function overlaps(a: Prefix, b: Prefix): boolean {
  return a.family === b.family && a.base <= lastAddress(b) && b.base <= lastAddress(a)
}

/** Network byte order: 4 or 16 bytes. */
export function addressBytes({ family, value }: Address): Buffer {
  return Buffer.from(value.toString(16).padStart(width(family) / 4, '0'), 'hex')
}

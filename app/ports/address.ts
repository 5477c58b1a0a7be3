/** Addresses of the host that ports are published on. Pure. */
import { isIPv4, isIPv6 } from 'node:net'

/** What an empty host address stands for. */
export const LOOPBACK = ['127.0.0.1', '::1'] as const

export function isLoopback(address: string): boolean {
  const bare = address.replace(/^::ffff:/, '')
  return bare === '::1' || /^127\./.test(bare)
}

/** The addresses to listen on for a published host address. */
export function addressesOf(hostIp: string): readonly string[] {
  if (hostIp === '') return LOOPBACK
  return [hostIp.replace(/^\[(.*)\]$/, '$1')]
}

export function isAddress(text: string): boolean {
  return isIPv4(text) || isIPv6(text)
}

/** `0.0.0.0:80`, `[::1]:80`; an empty host address is written as Docker writes it. */
export function hostPort(hostIp: string, port: number): string {
  const shown = hostIp === '' ? '0.0.0.0' : hostIp
  return shown.includes(':') ? `[${shown}]:${port}` : `${shown}:${port}`
}

/** What this computer has routes to, its networks and VPNs: container networks should not be laid over it. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

const TIMEOUT_MS = 2_000

/** IPv4 prefixes, without the default route, loopback, link-local and multicast. Empty where the system does not tell. */
export async function hostSubnets(platform: NodeJS.Platform = process.platform): Promise<string[]> {
  try {
    return [...new Set((await routes(platform)).filter(isWorthAvoiding))]
  } catch {
    return []
  }
}

async function routes(platform: NodeJS.Platform): Promise<string[]> {
  if (platform === 'linux') return parseProcRoutes(await readFile('/proc/net/route', 'utf8'))
  if (platform === 'win32') return parseRoutePrint(await run('route', ['print', '-4']))
  return parseNetstat(await run('netstat', ['-rn', '-f', 'inet']))
}

async function run(program: string, args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program, args, { timeout: TIMEOUT_MS, windowsHide: true })
  return stdout
}

function isWorthAvoiding(prefix: string): boolean {
  return !/^(0\.|127\.|169\.254\.|22[4-9]\.|2[34]\d\.|25[0-5]\.)/.test(prefix) && !prefix.endsWith('/0')
}

/** /proc/net/route: destination and mask as little-endian hexadecimal numbers. Pure. */
export function parseProcRoutes(text: string): string[] {
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const fields = line.split('\t')
      const [, destination = ''] = fields
      const mask = fields[7] ?? ''
      if (!/^[0-9A-F]{8}$/.test(destination) || !/^[0-9A-F]{8}$/.test(mask)) return []
      return [`${littleEndian(destination)}/${bitsOf(littleEndian(mask))}`]
    })
}

/** BSD's `netstat -rn`: `10.8/16`, `192.168.1`, `172.20.0.0/14`, `10.0.0.7`. Pure. */
export function parseNetstat(text: string): string[] {
  return text.split('\n').flatMap((line) => {
    const match = /^(?<address>\d{1,3}(\.\d{1,3}){0,3})(\/(?<bits>\d{1,2}))?\s/.exec(line)
    const address = match?.groups?.['address']
    if (address === undefined) return []
    const bytes = address.split('.')
    const bits = match?.groups?.['bits'] ?? String(bytes.length * 8)
    return [`${[...bytes, '0', '0', '0'].slice(0, 4).join('.')}/${bits}`]
  })
}

/** Windows' `route print`: destination, netmask, gateway, interface, metric. Pure. */
export function parseRoutePrint(text: string): string[] {
  const row = /^\s+(?<address>\d+\.\d+\.\d+\.\d+)\s+(?<mask>\d+\.\d+\.\d+\.\d+)\s+\S/gm
  return [...text.matchAll(row)].map(
    ({ groups }) => `${groups?.['address'] ?? ''}/${bitsOf(groups?.['mask'] ?? '')}`,
  )
}

function littleEndian(hex: string): string {
  return (hex.match(/../g) ?? [])
    .reverse()
    .map((byte) => Number.parseInt(byte, 16))
    .join('.')
}

function bitsOf(mask: string): number {
  const bits = mask.split('.').map((byte) => Number(byte).toString(2).padStart(8, '0'))
  return bits.join('').replace(/0+$/, '').length
}

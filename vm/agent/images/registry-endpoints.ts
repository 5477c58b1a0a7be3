/** Where a repository is asked for: mirrors, the registry itself, plain http where that is allowed. Pure. */
import { BlockList, isIP } from 'node:net'
import type { EngineConfig } from '../../api/slipway.ts'
import { DOCKER_HUB } from './reference.ts'

export interface Endpoint {
  /** `https://registry-1.docker.io`, without a slash at the end. */
  base: string
  insecure: boolean
  /** Failures of a mirror are never the user's answer: the next endpoint is. */
  mirror: boolean
}

const HUB = 'https://registry-1.docker.io'

/** Endpoints of a registry in the order they are tried. */
export function endpointsOf(domain: string, config: EngineConfig): Endpoint[] {
  if (domain === DOCKER_HUB) {
    const mirrors = config.registryMirrors.map((mirror) => ({
      base: (/^https?:\/\//.test(mirror) ? mirror : `https://${mirror}`).replace(/\/+$/, ''),
      insecure: true,
      mirror: true,
    }))
    return [...mirrors, { base: HUB, insecure: false, mirror: false }]
  }
  if (!isInsecure(domain, config.insecureRegistries)) {
    return [{ base: `https://${domain}`, insecure: false, mirror: false }]
  }
  return [
    { base: `https://${domain}`, insecure: true, mirror: false },
    { base: `http://${domain}`, insecure: true, mirror: false },
  ]
}

/** localhost, 127.0.0.0/8, ::1. */
export function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' || hostname === '::1' || (isIP(hostname) === 4 && hostname.startsWith('127.'))
  )
}

function isInsecure(domain: string, configured: string[]): boolean {
  const hostname = domain.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')
  if (isLoopback(hostname) || hostname === '10.0.2.2' || hostname === 'host.docker.internal') return true
  return configured.some((entry) => entry === domain || entry === hostname || inSubnet(hostname, entry))
}

function inSubnet(hostname: string, entry: string): boolean {
  const [network, prefix] = entry.split('/')
  const family = isIP(hostname)
  if (prefix === undefined || network === undefined || family === 0 || isIP(network) !== family) return false
  const list = new BlockList()
  const type = family === 4 ? 'ipv4' : 'ipv6'
  list.addSubnet(network, Number(prefix), type)
  return list.check(hostname, type)
}

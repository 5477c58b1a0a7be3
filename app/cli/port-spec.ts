import { isIP } from 'node:net'
import type { PublishedPort } from '../../vm/api/slipway.ts'
import { UsageError } from './command.ts'

const SPEC =
  /^(?:(?<ip>\[[^\]]*\]|[^:[\]]*):(?=.*:))?(?:(?<host>\d+(?:-\d+)?)?:)?(?<container>\d+(?:-\d+)?)(?:\/(?<protocol>tcp|udp))?$/

/**
 * What one word of `slipway port` means, as `docker run -p` reads it: `8080:80`, `127.0.0.1:8080:80/tcp`,
 * `[::1]:53:53/udp`, `80` and `127.0.0.1::80` (any free port), `8000-8002:80-82`. UsageError names the word.
 */
export function parsePorts(spec: string): PublishedPort[] {
  const groups = SPEC.exec(spec)?.groups
  const wrong = (why: string) => new UsageError(`not a port: ${spec}: ${why}`)
  if (!groups) throw wrong('use [[IP:][HOST]:]PORT[/udp], like 8080:80')
  const hostIp = (groups['ip'] ?? '').replace(/^\[|\]$/g, '')
  if (hostIp !== '' && isIP(hostIp) === 0) throw wrong(`${hostIp} is not an IP address`)
  const container = numbers(groups['container'] ?? '', 1, wrong)
  const host = groups['host'] === undefined ? container.map(() => 0) : numbers(groups['host'], 0, wrong)
  if (host.length !== container.length) throw wrong('both ranges must be of one length')
  const protocol = groups['protocol'] === 'udp' ? 'udp' : 'tcp'
  return container.map((containerPort, i) => ({ containerPort, protocol, hostIp, hostPort: host[i] ?? 0 }))
}

function numbers(text: string, least: number, wrong: (why: string) => Error): number[] {
  const [first = 0, last = first] = text.split('-').map(Number)
  for (const value of [first, last])
    if (value < least || value > 65_535) throw wrong(`${value} is out of range`)
  if (last < first) throw wrong(`${text} ends before it begins`)
  return Array.from({ length: last - first + 1 }, (_, i) => first + i)
}

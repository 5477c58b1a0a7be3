/** Exposed and published ports of a container: parsing and the list of what to publish. Pure. */
import type { ContainerConfig, HostConfig, PortMap } from '../../api/containers.ts'
import { EngineError } from '../../api/errors.ts'
import type { Protocol, PublishedPort } from '../../api/slipway.ts'

/** `80/tcp`, `80`, `53/udp`. */
export function parsePortKey(key: string): { port: number; protocol: Protocol } {
  const match = /^([0-9]{1,5})(?:\/([a-z]+))?$/.exec(key)
  const port = Number(match?.[1])
  const protocol = match?.[2] ?? 'tcp'
  if (!match || port < 1 || port > 65535) {
    throw new EngineError('invalid_argument', `invalid port specification: "${key}"`)
  }
  if (protocol === 'sctp') {
    throw new EngineError('invalid_argument', `invalid port specification: "${key}": sctp is not supported`)
  }
  if (protocol !== 'tcp' && protocol !== 'udp') {
    throw new EngineError('invalid_argument', `invalid proto: ${protocol}`)
  }
  return { port, protocol }
}

export interface WantedPort extends PublishedPort {
  /** Last host port of a range to choose from. */
  hostPortEnd?: number
}

/** What start asks the host to listen on; PublishAllPorts adds every exposed port. */
export function wantedPorts(config: ContainerConfig, host: HostConfig): WantedPort[] {
  const wanted: WantedPort[] = []
  const bindings = host.PortBindings ?? {}
  for (const [key, list] of Object.entries(bindings)) {
    const { port, protocol } = parsePortKey(key)
    const entries = list && list.length > 0 ? list : [{}]
    for (const entry of entries) {
      wanted.push({
        containerPort: port,
        protocol,
        hostIp: entry.HostIp ?? '',
        ...hostPorts(entry.HostPort ?? ''),
      })
    }
  }
  if (host.PublishAllPorts) {
    for (const key of Object.keys(config.ExposedPorts ?? {})) {
      const { port, protocol } = parsePortKey(key)
      if (wanted.some((w) => w.containerPort === port && w.protocol === protocol)) continue
      wanted.push({ containerPort: port, protocol, hostIp: '', hostPort: 0 })
    }
  }
  return wanted
}

function hostPorts(text: string): { hostPort: number; hostPortEnd?: number } {
  if (text === '') return { hostPort: 0 }
  const match = /^([0-9]{1,5})(?:-([0-9]{1,5}))?$/.exec(text)
  const first = Number(match?.[1])
  const last = Number(match?.[2] ?? first)
  if (!match || first > 65535 || last > 65535 || last < first) {
    throw new EngineError('invalid_argument', `invalid port specification: "${text}"`)
  }
  return last > first ? { hostPort: first, hostPortEnd: last } : { hostPort: first }
}

/** `NetworkSettings.Ports` of inspect: published ones with their bindings, exposed ones with null. */
export function portMap(config: ContainerConfig, ports: readonly PublishedPort[]): PortMap {
  const map: PortMap = {}
  for (const key of Object.keys(config.ExposedPorts ?? {})) map[normalizeKey(key)] = null
  for (const port of ports) {
    const key = `${port.containerPort}/${port.protocol}`
    map[key] = [...(map[key] ?? []), { HostIp: port.hostIp, HostPort: String(port.hostPort) }]
  }
  return map
}

/** The bindings that a list of published ports means, as HostConfig keeps them. */
export function bindingsOf(ports: readonly PublishedPort[]): PortMap {
  const map: PortMap = {}
  for (const port of ports) {
    const key = `${port.containerPort}/${port.protocol}`
    const hostPort = port.hostPort === 0 ? '' : String(port.hostPort)
    map[key] = [...(map[key] ?? []), { HostIp: port.hostIp, HostPort: hostPort }]
  }
  return map
}

/** Every exposed key with its protocol written out. */
export function normalizeKey(key: string): string {
  return key.includes('/') ? key : `${key}/tcp`
}

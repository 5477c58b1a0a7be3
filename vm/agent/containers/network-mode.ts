/** What a container's NetworkMode means. Pure. */
import type { ContainerConfig, HostConfig } from '../../api/containers.ts'
import { EngineError } from '../../api/errors.ts'
import type { EndpointSettings } from '../../api/networks.ts'
import type { ContainerRecord } from './record.ts'

export type NetworkKind =
  | { type: 'host' }
  | { type: 'none' }
  | { type: 'container'; reference: string }
  | { type: 'networks' }

export function networkKind(mode: string | undefined): NetworkKind {
  if (mode === 'host') return { type: 'host' }
  if (mode === 'none') return { type: 'none' }
  if (mode?.startsWith('container:')) return { type: 'container', reference: mode.slice('container:'.length) }
  return { type: 'networks' }
}

/** Networks to join: those asked for by name, else the one of NetworkMode. */
export function wantedNetworks(
  host: HostConfig,
  endpoints: Record<string, EndpointSettings | null> | null | undefined,
): Record<string, EndpointSettings> {
  const mode = host.NetworkMode && host.NetworkMode !== 'default' ? host.NetworkMode : 'bridge'
  const wanted: Record<string, EndpointSettings> = {}
  if (networkKind(mode).type === 'networks') wanted[mode] = {}
  for (const [name, settings] of Object.entries(endpoints ?? {})) {
    wanted[name === 'default' ? 'bridge' : name] = settings ?? {}
  }
  return wanted
}

/** The container-wide MAC address of older clients is that of its main network. */
export function withMacAddress(
  address: string | undefined,
  host: HostConfig,
  networks: Record<string, EndpointSettings>,
): Record<string, EndpointSettings> {
  const mode = host.NetworkMode && host.NetworkMode !== 'default' ? host.NetworkMode : 'bridge'
  if (!address || networkKind(mode).type !== 'networks') return networks
  const own = networks[mode] ?? {}
  if (own.MacAddress && own.MacAddress !== address) {
    throw new EngineError(
      'invalid_argument',
      'the container-wide MAC address must match the endpoint-specific MAC address for the main network, or be left empty',
    )
  }
  return { ...networks, [mode]: { ...own, MacAddress: address } }
}

/** Options that contradict the network mode; Docker's words. */
export function checkNetworkMode(config: ContainerConfig, host: HostConfig): void {
  const kind = networkKind(host.NetworkMode)
  const fail = (message: string) => new EngineError('invalid_argument', message)
  if (kind.type === 'container') {
    if (kind.reference === '')
      throw fail('invalid network mode: invalid container format container:<name|id>')
    if (config.Hostname) throw fail('conflicting options: hostname and the network mode')
    if ((host.Links ?? []).length > 0)
      throw fail(
        "conflicting options: container type network can't be used with links. This would result in undefined behavior",
      )
    if ((host.Dns ?? []).length > 0) throw fail('conflicting options: dns and the network mode')
    if ((host.ExtraHosts ?? []).length > 0)
      throw fail('conflicting options: custom host-to-IP mapping and the network mode')
    if (Object.keys(host.PortBindings ?? {}).length > 0 || host.PublishAllPorts) {
      throw fail('conflicting options: port publishing and the container type network mode')
    }
    if (Object.keys(config.ExposedPorts ?? {}).length > 0) {
      throw fail('conflicting options: port exposing and the container type network mode')
    }
  }
  if (host.UTSMode === 'host' && config.Hostname) {
    throw fail('conflicting options: hostname and the UTS mode')
  }
  if (kind.type === 'host' && (host.Links ?? []).length > 0) {
    throw fail(
      "conflicting options: host type networking can't be used with links. This would result in undefined behavior",
    )
  }
}

/**
 * The address that published ports lead to: of the network of NetworkMode, or the first that has one; an IPv6 address
 * only where there is no other.
 */
export function primaryAddress(record: ContainerRecord): string | undefined {
  const own = record.endpoints[record.hostConfig.NetworkMode ?? 'bridge']
  const endpoints = [...(own ? [own] : []), ...Object.values(record.endpoints)]
  return (
    endpoints.find((endpoint) => endpoint.IPAddress)?.IPAddress ??
    endpoints.find((endpoint) => endpoint.GlobalIPv6Address)?.GlobalIPv6Address
  )
}

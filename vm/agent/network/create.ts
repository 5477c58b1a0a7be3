/** From the body of `POST /networks/create` to a network, with Docker's checks and words. Pure. */
import { EngineError } from '../../api/errors.ts'
import type { IpamConfig, NetworkCreateRequest } from '../../api/networks.ts'
import { formatPrefix, overlaps, type Prefix } from './address.ts'
import { bridgeOptions } from './bridge-options.ts'
import { choosePrefix, chooseUlaPrefix, ipamConfigOf, ipamProblems, subnetOf } from './ipam.ts'
import type { NetworkRecord } from './record.ts'

export const PREDEFINED = new Set(['bridge', 'host', 'none', 'default'])

const NO_SWARM =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.'

export interface Surroundings {
  networks: readonly NetworkRecord[]
  /** Subnets that automatic choice must leave alone: what the host has routes to. */
  avoid: readonly Prefix[]
  /** What the VM itself is on: a bridge over it would cut the machine off, for good, as it is made at each start. */
  own: readonly Prefix[]
  id: string
  created: string
  random(bytes: number): Buffer
}

/** The new network. conflict for a name in use, permission_denied for what Docker forbids, invalid_argument for the rest. */
export function buildNetwork(request: NetworkCreateRequest, around: Surroundings): NetworkRecord {
  checkName(request, around.networks)
  checkDriver(request, around.networks)
  const enableIPv4 = request.EnableIPv4 ?? true
  const enableIPv6 = request.EnableIPv6 ?? false
  if (!enableIPv4 && !enableIPv6) throw invalid('IPv4 or IPv6 must be enabled')
  const configs = request.IPAM?.Config ?? []
  const problems = ipamProblems(configs, enableIPv6)
  if (problems.length > 0) throw invalid(`invalid network config:\n${problems.join('\n')}`)
  const options = request.Options ?? {}
  const bridge = bridgeOptions(options).name ?? `br-${around.id.slice(0, 12)}`
  const twin = around.networks.find((network) => network.bridge === bridge)
  if (twin) {
    throw new EngineError(
      'permission_denied',
      `conflicts with network ${twin.id} (${bridge}): networks have same bridge name`,
    )
  }
  return {
    version: 1,
    id: around.id,
    name: request.Name,
    driver: 'bridge',
    created: around.created,
    enableIPv4,
    enableIPv6,
    internal: request.Internal ?? false,
    attachable: request.Attachable ?? false,
    ipamOptions: request.IPAM?.Options ?? null,
    ipam: [
      ...(enableIPv4 ? [choose(4, configs, around)] : []),
      ...(enableIPv6 ? [choose(6, configs, around)] : []),
    ],
    chosenSubnet: configs.length > 0,
    options,
    labels: request.Labels ?? {},
    bridge,
  }
}

/** Says which of the network's subnets hide something that the user's computer reaches; empty when none does. */
export function overlapWarning(network: NetworkRecord, hostRoutes: readonly Prefix[]): string {
  const hidden = network.ipam.flatMap((config) => {
    const { prefix } = subnetOf(config)
    const route = hostRoutes.find((other) => overlaps(other, prefix))
    return route
      ? [`${formatPrefix(prefix)} overlaps ${formatPrefix(route)}, which this computer has a route to`]
      : []
  })
  if (hidden.length === 0) return ''
  return `network ${network.name}: ${hidden.join('; ')}: containers cannot reach it while the network exists`
}

function checkName(request: NetworkCreateRequest, networks: readonly NetworkRecord[]): void {
  const name = request.Name
  if (PREDEFINED.has(name)) {
    throw new EngineError('permission_denied', `operation is not permitted on predefined ${name} network `)
  }
  if (name.trim() === '') throw invalid('invalid name: name is empty')
  if (networks.some((network) => network.name === name)) {
    throw new EngineError('conflict', `network with name ${name} already exists`)
  }
}

function checkDriver(request: NetworkCreateRequest, networks: readonly NetworkRecord[]): void {
  const driver = request.Driver || 'bridge'
  if (driver === 'host' || driver === 'null') {
    throw new EngineError('permission_denied', `only one instance of "${driver}" network is allowed`)
  }
  if (driver === 'overlay') throw new EngineError('permission_denied', NO_SWARM)
  if (['macvlan', 'ipvlan'].includes(driver)) {
    throw new EngineError('not_implemented', `network driver ${driver} is not supported`)
  }
  if (driver !== 'bridge') throw new EngineError('not_found', `plugin ${JSON.stringify(driver)} not found`)
  const ipam = request.IPAM?.Driver || 'default'
  if (ipam !== 'default') throw new EngineError('not_found', `plugin ${JSON.stringify(ipam)} not found`)
  if (request.Scope === 'swarm') {
    throw new EngineError(
      'permission_denied',
      'cannot create a swarm scoped network when swarm is not active',
    )
  }
  if (request.Ingress) {
    throw new EngineError('permission_denied', 'Ingress network can only be global scope network')
  }
  if (request.ConfigOnly) throw new EngineError('not_implemented', 'ConfigOnly is not supported')
  const from = request.ConfigFrom?.Network
  if (from && !networks.some(({ id, name }) => id === from || name === from)) {
    throw new EngineError('not_found', `configuration network ${JSON.stringify(from)} does not exist`)
  }
  if (from) throw new EngineError('not_implemented', 'ConfigFrom is not supported')
}

function choose(family: 4 | 6, configs: readonly IpamConfig[], around: Surroundings): IpamConfig {
  const asked = configs.filter((config) => (config.Subnet?.includes(':') ? 6 : 4) === family)
  if (asked.length > 1) {
    throw new EngineError('permission_denied', "bridge driver doesn't support multiple subnets")
  }
  const used = around.networks.flatMap((network) => network.ipam.map((config) => subnetOf(config).prefix))
  const [config] = asked
  if (config) {
    const subnet = subnetOf(config)
    if (used.some((other) => overlaps(other, subnet.prefix))) {
      throw new EngineError(
        'permission_denied',
        'invalid pool request: Pool overlaps with other one on this address space',
      )
    }
    const own = around.own.find((other) => overlaps(other, subnet.prefix))
    if (own) {
      throw new EngineError(
        'permission_denied',
        `invalid pool request: Pool overlaps with other one on this address space: ${formatPrefix(own)} is the machine's own network`,
      )
    }
    return ipamConfigOf(subnet)
  }
  const taken = [...used, ...around.own, ...around.avoid]
  // A VPN that routes every private address leaves nothing clear: then it is warned of, not refused.
  const prefix =
    family === 4
      ? (choosePrefix(taken) ?? choosePrefix([...used, ...around.own]))
      : chooseUlaPrefix(taken, around.random)
  if (!prefix) throw invalid('all predefined address pools have been fully subnetted')
  return ipamConfigOf(subnetOf({ Subnet: formatPrefix(prefix) }))
}

function invalid(message: string): EngineError {
  return new EngineError('invalid_argument', message)
}

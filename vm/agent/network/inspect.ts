/** Networks as the API shows them, and the filters of list and prune. Pure. */
import { EngineError } from '../../api/errors.ts'
import type { NetworkInspect } from '../../api/networks.ts'
import type { Filters } from '../images/images.ts'
import { PREDEFINED } from './create.ts'
import type { EndpointRecord, NetworkRecord, SandboxRecord } from './record.ts'

export function inspectNetwork(
  network: NetworkRecord,
  members: readonly { sandbox: SandboxRecord; endpoint: EndpointRecord }[],
): NetworkInspect {
  return {
    Name: network.name,
    Id: network.id,
    Created: network.created,
    Scope: 'local',
    Driver: network.driver,
    EnableIPv4: network.enableIPv4,
    EnableIPv6: network.enableIPv6,
    IPAM: {
      Driver: 'default',
      Options: network.ipamOptions,
      Config: network.ipam.length > 0 ? network.ipam : network.driver === 'bridge' ? [] : null,
    },
    Internal: network.internal,
    Attachable: network.attachable,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: Object.fromEntries(
      byContainer(members).map(({ sandbox, endpoint }) => [
        sandbox.containerId,
        {
          Name: sandbox.containerName,
          EndpointID: endpoint.endpointId,
          MacAddress: endpoint.mac,
          IPv4Address: withBits(network, endpoint.ipv4),
          IPv6Address: withBits(network, endpoint.ipv6),
        },
      ]),
    ),
    Options: network.options,
    Labels: network.labels,
  }
}

/** As a sorted map, like dockerd's: an agent that came back reads its members in another order. */
function byContainer<T extends { sandbox: SandboxRecord }>(members: readonly T[]): T[] {
  return [...members].sort((a, b) => (a.sandbox.containerId < b.sandbox.containerId ? -1 : 1))
}

function withBits(network: NetworkRecord, address: string): string {
  if (address === '') return ''
  const v6 = address.includes(':')
  const subnet = network.ipam.find((config) => config.Subnet?.includes(':') === v6)?.Subnet
  return `${address}/${subnet?.split('/')[1] ?? ''}`
}

const LIST_FILTERS = new Set(['driver', 'id', 'label', 'name', 'scope', 'type', 'dangling'])
const PRUNE_FILTERS = new Set(['until', 'label', 'label!'])

/** Whether a network passes the filters of `docker network ls`; invalid_argument for a filter that does not exist. */
export function matchesList(network: NetworkRecord, filters: Filters, inUse: boolean): boolean {
  refuseUnknown(filters, LIST_FILTERS)
  const any = (key: string, test: (value: string) => boolean) => {
    const values = filters[key]
    return values === undefined || values.length === 0 || values.some(test)
  }
  const predefined = PREDEFINED.has(network.name)
  if ((filters['dangling'] ?? []).length > 1) {
    throw new EngineError('invalid_argument', 'got more than one value for filter key "dangling"')
  }
  return (
    any('driver', (value) => value === network.driver) &&
    any('id', (value) => network.id.includes(value)) &&
    any('name', (value) => network.name.includes(value)) &&
    any('scope', (value) => value === 'local') &&
    any('type', (value) => typeMatches(value, predefined)) &&
    any('dangling', (value) => danglingMatches(value, !inUse && !predefined)) &&
    (filters['label'] ?? []).every((label) => hasLabel(network, label))
  )
}

/** Whether `docker network prune` may take a network that nothing uses. `until`: Unix seconds or a date. */
export function matchesPrune(network: NetworkRecord, filters: Filters, now: number): boolean {
  refuseUnknown(filters, PRUNE_FILTERS)
  const [until, ...more] = filters['until'] ?? []
  if (more.length > 0) throw new EngineError('invalid_argument', 'more than one until filter specified')
  return (
    (until === undefined || Date.parse(network.created) < timeOf(until, now)) &&
    (filters['label'] ?? []).every((label) => hasLabel(network, label)) &&
    !(filters['label!'] ?? []).some((label) => hasLabel(network, label))
  )
}

function refuseUnknown(filters: Filters, known: ReadonlySet<string>): void {
  for (const key of Object.keys(filters)) {
    if (!known.has(key)) throw new EngineError('invalid_argument', `invalid filter '${key}'`)
  }
}

function typeMatches(value: string, predefined: boolean): boolean {
  if (value === 'builtin') return predefined
  if (value === 'custom') return !predefined
  throw new EngineError('invalid_argument', `invalid filter: 'type'='${value}'`, { details: { status: 500 } })
}

function danglingMatches(value: string, dangling: boolean): boolean {
  if (['true', '1'].includes(value)) return dangling
  if (['false', '0'].includes(value)) return !dangling
  throw new EngineError(
    'invalid_argument',
    'invalid value for filter \'dangling\', must be "true" (or "1"), or "false" (or "0")',
  )
}

function hasLabel(network: NetworkRecord, label: string): boolean {
  const [key = '', value] = splitOnce(label)
  const has = network.labels[key]
  return has !== undefined && (value === undefined || value === has)
}

function splitOnce(text: string): [string, string | undefined] {
  const at = text.indexOf('=')
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
}

/** Milliseconds of an `until`: Unix seconds, a duration back from now (`24h`, `1h30m`), or a date. */
function timeOf(text: string, now: number): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000
  const units: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1000 }
  if (/^(\d+(\.\d+)?[hms])+$/.test(text)) {
    const parts = text.matchAll(/(?<count>[\d.]+)(?<unit>[hms])/g)
    let back = 0
    for (const { groups } of parts) back += Number(groups?.['count']) * (units[groups?.['unit'] ?? ''] ?? 0)
    return now - back
  }
  const date = Date.parse(text)
  if (Number.isNaN(date)) {
    throw new EngineError(
      'invalid_argument',
      `failed to parse value as time or duration: ${JSON.stringify(text)}`,
    )
  }
  return date
}

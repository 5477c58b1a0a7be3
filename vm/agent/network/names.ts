/** Which names a container can look up on its user-defined networks. Pure. */
import { type Address, parseAddress } from './address.ts'
import type { Catalog } from './catalog.ts'
import { isUserDefined } from './endpoint.ts'
import { HOST_GATEWAY } from './forwards.ts'
import type { EndpointRecord, SandboxRecord } from './record.ts'

export interface NameSource {
  catalog: Pick<Catalog, 'byId'>
  /** Endpoints on a network together with their containers. */
  on(networkId: string): { sandbox: SandboxRecord; endpoint: EndpointRecord }[]
}

const HOST_NAMES = new Set(['host.docker.internal', 'gateway.docker.internal'])

/** Addresses of a name, of both families; undefined when nobody has that name. */
export function lookup(source: NameSource, asking: SandboxRecord, name: string): Address[] | undefined {
  if (HOST_NAMES.has(name)) return addressesOf([HOST_GATEWAY])
  const found: EndpointRecord[] = []
  for (const own of asking.endpoints) {
    const network = source.catalog.byId(own.networkId)
    if (!network || !isUserDefined(network)) continue
    const target = linkTarget(own, name) ?? name
    const suffix = `.${network.name.toLowerCase()}`
    const local = target.endsWith(suffix) ? target.slice(0, -suffix.length) : target
    for (const { endpoint } of source.on(network.id)) {
      if (endpoint.names.some((n) => n.toLowerCase() === target || n.toLowerCase() === local))
        found.push(endpoint)
    }
  }
  if (found.length === 0) return undefined
  return addressesOf(found.flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6]))
}

/** The name to answer a reverse lookup with: `web.n1`. */
export function reverseLookup(
  source: NameSource,
  asking: SandboxRecord,
  address: Address,
): string | undefined {
  for (const own of asking.endpoints) {
    const network = source.catalog.byId(own.networkId)
    if (!network || !isUserDefined(network)) continue
    for (const { sandbox, endpoint } of source.on(network.id)) {
      const own = addressesOf([endpoint.ipv4, endpoint.ipv6])
      if (own.some((a) => a.family === address.family && a.value === address.value)) {
        return `${sandbox.containerName}.${network.name}`
      }
    }
  }
  return undefined
}

/** `--link db:database` lets this container alone say `database` for `db`. */
function linkTarget(own: EndpointRecord, name: string): string | undefined {
  for (const link of own.settings.Links ?? []) {
    const [target = '', alias = target] = link.split(':')
    if (alias.toLowerCase() === name) return target.replace(/^\//, '').toLowerCase()
  }
  return undefined
}

function addressesOf(texts: readonly string[]): Address[] {
  return texts.flatMap((text) => parseAddress(text) ?? [])
}

/** Networks as `docker network` sees them: made, listed, removed, with their bridges and firewall elements. */
import { EngineError } from '../../api/errors.ts'
import type { NetworkCreateRequest, NetworkInspect } from '../../api/networks.ts'
import type { EventBus } from '../events.ts'
import type { Filters } from '../images/images.ts'
import type { Prefix } from './address.ts'
import { bridgeOptions } from './bridge-options.ts'
import type { Catalog } from './catalog.ts'
import { buildNetwork, PREDEFINED } from './create.ts'
import type { BridgeRules, Firewall } from './firewall.ts'
import { inspectNetwork, matchesList, matchesPrune } from './inspect.ts'
import { subnetOf } from './ipam.ts'
import type { Links } from './links.ts'
import type { NetworkRecord } from './record.ts'
import type { Sandboxes } from './sandboxes.ts'

export interface DefinitionsOptions {
  catalog: Catalog
  sandboxes: Pick<Sandboxes, 'on'>
  links: Links
  firewall: Firewall
  events: EventBus
  random: (bytes: number) => Buffer
}

export class Definitions {
  readonly #options: DefinitionsOptions

  constructor(options: DefinitionsOptions) {
    this.#options = options
  }

  list(filters: Filters): NetworkInspect[] {
    const { catalog, sandboxes } = this.#options
    return catalog
      .all()
      .filter((network) => matchesList(network, filters, sandboxes.on(network.id).length > 0))
      .map((network) => inspectNetwork(network, []))
  }

  inspect(idOrName: string): NetworkInspect {
    const network = this.#options.catalog.find(idOrName)
    return inspectNetwork(network, this.#options.sandboxes.on(network.id))
  }

  async create(
    request: NetworkCreateRequest,
    around: { avoid: readonly Prefix[]; own: readonly Prefix[] },
  ): Promise<NetworkRecord> {
    const { catalog, firewall, links, random } = this.#options
    const network = buildNetwork(request, {
      networks: catalog.all(),
      ...around,
      id: this.newId(),
      created: new Date().toISOString(),
      random,
    })
    await catalog.add(network)
    try {
      this.ensureBridge(network)
      firewall.addBridge(rulesOf(network))
    } catch (error) {
      links.removeBridge(network.bridge)
      await catalog.remove(network.id)
      throw error
    }
    this.announce('create', network.id)
    return network
  }

  async remove(idOrName: string): Promise<void> {
    const { catalog, sandboxes } = this.#options
    const network = catalog.find(idOrName)
    if (PREDEFINED.has(network.name)) {
      const message = `${network.name} is a pre-defined network and cannot be removed`
      throw new EngineError('permission_denied', message)
    }
    const members = sandboxes.on(network.id)
    if (members.length > 0) {
      const list = members.map(
        ({ sandbox, endpoint }) => `name:"${sandbox.containerName}" id:"${endpoint.endpointId.slice(0, 12)}"`,
      )
      throw new EngineError(
        'permission_denied',
        `error while removing network: network ${network.name} has active endpoints (${list.join(', ')})`,
      )
    }
    await this.#destroy(network)
  }

  async prune(filters: Filters): Promise<{ NetworksDeleted: string[] | null }> {
    const { catalog, sandboxes, events } = this.#options
    const unused = catalog.all().filter((network) => {
      const inUse = PREDEFINED.has(network.name) || sandboxes.on(network.id).length > 0
      return matchesPrune(network, filters, Date.now()) && !inUse
    })
    for (const network of unused) await this.#destroy(network)
    if (unused.length > 0) events.publish('network', 'prune', '', { reclaimed: '0' })
    return { NetworksDeleted: unused.length > 0 ? unused.map(({ name }) => name) : null }
  }

  bridges(): NetworkRecord[] {
    return this.#options.catalog.all().filter((network) => network.driver === 'bridge')
  }

  /** What the firewall must hold of all bridges. */
  rules(): BridgeRules[] {
    return this.bridges().map(rulesOf)
  }

  ensureBridge(network: NetworkRecord): void {
    const { links, random } = this.#options
    const { mtu } = bridgeOptions(network.options)
    const addresses = network.ipam.map((config) => {
      const { gateway, prefix } = subnetOf(config)
      return { address: gateway, bits: prefix.bits }
    })
    const mac = ['02', '42', ...(random(4).toString('hex').match(/../g) ?? [])].join(':')
    links.ensureBridge({ name: network.bridge, mtu, mac, addresses })
  }

  /** After a change of its subnet. */
  rebuildBridge(network: NetworkRecord): void {
    this.#options.links.removeBridge(network.bridge)
    this.ensureBridge(network)
  }

  announce(action: string, networkId: string, containerId?: string): void {
    const network = this.#options.catalog.byId(networkId)
    if (!network) return
    const container = containerId === undefined ? {} : { container: containerId }
    this.#options.events.publish('network', action, networkId, { ...container, ...attributes(network) })
  }

  newId(): string {
    return this.#options.random(32).toString('hex')
  }

  async #destroy(network: NetworkRecord): Promise<void> {
    const { catalog, firewall, links, events } = this.#options
    await catalog.remove(network.id)
    firewall.removeBridge(rulesOf(network))
    links.removeBridge(network.bridge)
    events.publish('network', 'destroy', network.id, attributes(network))
  }
}

function attributes(network: NetworkRecord): Record<string, string> {
  return { name: network.name, type: network.driver }
}

function rulesOf(network: NetworkRecord): BridgeRules {
  const { masquerade } = bridgeOptions(network.options)
  return { name: network.bridge, internal: network.internal, masquerade }
}

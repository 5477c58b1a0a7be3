/**
 * Running containers' ends of the networks: addresses, cables, names. Choosing an address and plugging the cable happen
 * in one synchronous step, so two containers can never be given the same one.
 */
import { EngineError, messageOf } from '../../api/errors.ts'
import type { EndpointSettings } from '../../api/networks.ts'
import { type Address, formatAddress, parseAddress } from './address.ts'
import { bridgeOptions } from './bridge-options.ts'
import type { Catalog } from './catalog.ts'
import { askedInterface, askedSysctls, checkSettings, dnsNames, linkLocalAddresses } from './endpoint.ts'
import { allocate, isReserved, macFor, type Subnet, subnetOf } from './ipam.ts'
import type { InterfaceAddress, Links } from './links.ts'
import type { Attachment } from './network.ts'
import type { EndpointRecord, NetworkRecord, RecordFolder, SandboxRecord } from './record.ts'

/** Pause before a cable is pulled out, in milliseconds: the kernel takes long for it, and nobody needs it gone. */
const UNPLUG_DELAY = 50

export class Sandboxes {
  readonly #catalog: Catalog
  readonly #links: Links
  readonly #folder: RecordFolder<SandboxRecord>
  readonly #random: (bytes: number) => Buffer
  readonly #log: (message: string) => void
  readonly #sandboxes = new Map<string, SandboxRecord>()
  /** Detached ones whose cables are still plugged in: their addresses are not given away yet. */
  readonly #leaving = new Map<SandboxRecord, NodeJS.Timeout>()

  constructor(options: {
    catalog: Catalog
    links: Links
    folder: RecordFolder<SandboxRecord>
    random: (bytes: number) => Buffer
    log: (message: string) => void
  }) {
    this.#catalog = options.catalog
    this.#links = options.links
    this.#folder = options.folder
    this.#random = options.random
    this.#log = options.log
  }

  async load(onBad: (name: string, error: unknown) => void): Promise<void> {
    for (const record of await this.#folder.load(onBad)) this.#sandboxes.set(record.containerId, record)
  }

  get(containerId: string): SandboxRecord | undefined {
    return this.#sandboxes.get(containerId)
  }

  all(): SandboxRecord[] {
    return [...this.#sandboxes.values()]
  }

  /** Endpoints on a network together with their containers. */
  on(networkId: string): { sandbox: SandboxRecord; endpoint: EndpointRecord }[] {
    return this.all().flatMap((sandbox) =>
      sandbox.endpoints.filter((e) => e.networkId === networkId).map((endpoint) => ({ sandbox, endpoint })),
    )
  }

  /** Plugs the container into all its networks or none. */
  async attach(attachment: Attachment): Promise<SandboxRecord> {
    const { containerId, containerName, hostname, netns } = attachment
    if (this.#sandboxes.has(containerId)) await this.detach(containerId)
    const wanted = Object.entries(attachment.networks).map(([name, settings]) => ({
      network: this.#catalog.find(name),
      settings,
    }))
    const dnsServers = attachment.dnsServers ?? []
    const sandbox: SandboxRecord = {
      version: 1,
      containerId,
      containerName,
      hostname,
      netns,
      dnsServers,
      endpoints: [],
    }
    this.#sandboxes.set(containerId, sandbox)
    try {
      for (const { network, settings } of wanted) this.#plug(sandbox, network, settings)
      this.#route(sandbox, undefined)
      await this.save(sandbox)
    } catch (error) {
      this.#release(sandbox)
      throw error
    }
    return sandbox
  }

  async connect(sandbox: SandboxRecord, network: NetworkRecord, settings: EndpointSettings): Promise<void> {
    if (sandbox.endpoints.some((endpoint) => endpoint.networkId === network.id)) {
      throw new EngineError(
        'permission_denied',
        `endpoint with name ${sandbox.containerName} already exists in network ${network.name}`,
      )
    }
    const before = this.#gateway(sandbox)
    const endpoint = this.#plug(sandbox, network, settings)
    try {
      this.#route(sandbox, before)
      await this.save(sandbox)
    } catch (error) {
      sandbox.endpoints.splice(sandbox.endpoints.indexOf(endpoint), 1)
      this.#links.unplug(endpoint.link)
      throw error
    }
  }

  async disconnect(sandbox: SandboxRecord, network: NetworkRecord): Promise<EndpointRecord | undefined> {
    const endpoint = sandbox.endpoints.find((e) => e.networkId === network.id)
    if (!endpoint) return undefined
    sandbox.endpoints.splice(sandbox.endpoints.indexOf(endpoint), 1)
    if (endpoint.link !== '') this.#links.unplug(endpoint.link)
    this.#route(sandbox, undefined)
    await this.save(sandbox)
    return endpoint
  }

  /** Releases everything of a container; answers what it had. The cables follow a moment later. */
  async detach(containerId: string): Promise<SandboxRecord | undefined> {
    const sandbox = this.#sandboxes.get(containerId)
    if (!sandbox) return undefined
    this.#sandboxes.delete(containerId)
    this.#leaving.set(
      sandbox,
      setTimeout(() => this.#unplugLater(sandbox), UNPLUG_DELAY),
    )
    await this.#folder.remove(containerId)
    return sandbox
  }

  /** Pulls what is left to pull at once. */
  finishLeaving(): void {
    for (const sandbox of [...this.#leaving.keys()]) this.#unplug(sandbox)
  }

  save(sandbox: SandboxRecord): Promise<void> {
    return this.#folder.save(sandbox.containerId, sandbox)
  }

  #release(sandbox: SandboxRecord): void {
    this.#sandboxes.delete(sandbox.containerId)
    this.#unplug(sandbox)
  }

  #unplugLater(sandbox: SandboxRecord): void {
    try {
      this.#unplug(sandbox)
    } catch (error) {
      this.#log(`unplugging ${sandbox.containerName}: ${messageOf(error)}`)
    }
  }

  #unplug(sandbox: SandboxRecord): void {
    clearTimeout(this.#leaving.get(sandbox))
    this.#leaving.delete(sandbox)
    for (const endpoint of sandbox.endpoints) {
      if (endpoint.link !== '') this.#links.unplug(endpoint.link)
    }
  }

  #plug(sandbox: SandboxRecord, network: NetworkRecord, settings: EndpointSettings): EndpointRecord {
    checkSettings(network.name, network, settings)
    const endpointId = this.#random(32).toString('hex')
    const endpoint: EndpointRecord = {
      networkId: network.id,
      endpointId,
      interface: '',
      link: '',
      mac: '',
      ipv4: '',
      ipv6: '',
      settings,
      names: dnsNames(
        { id: sandbox.containerId, name: sandbox.containerName, hostname: sandbox.hostname },
        settings.Aliases ?? [],
      ),
    }
    if (network.driver === 'bridge') this.#plugBridge(sandbox, network, endpoint)
    sandbox.endpoints.push(endpoint)
    return endpoint
  }

  #plugBridge(sandbox: SandboxRecord, network: NetworkRecord, endpoint: EndpointRecord): void {
    const { settings } = endpoint
    const options = bridgeOptions(network.options)
    // An address of one's own choice may be the one that has just been given up.
    if (settings.IPAMConfig?.IPv4Address || settings.IPAMConfig?.IPv6Address) this.finishLeaving()
    const addresses = network.ipam.map((config) => this.#address(network, subnetOf(config), settings))
    endpoint.interface = interfaceFor(sandbox, askedInterface(settings), options.interfacePrefix)
    endpoint.link = `veth${endpoint.endpointId.slice(0, 7)}`
    for (const { address } of addresses) {
      endpoint[address.family === 4 ? 'ipv4' : 'ipv6'] = formatAddress(address)
    }
    endpoint.mac = settings.MacAddress || macFor(endpoint.ipv4, this.#random)
    try {
      this.#links.plug({
        name: endpoint.link,
        bridge: network.bridge,
        mtu: options.mtu,
        isolated: !options.icc,
        netns: sandbox.netns,
        interface: endpoint.interface,
        mac: endpoint.mac,
        addresses: [...addresses, ...linkLocalAddresses(settings)],
        gateways: [],
        sysctls: askedSysctls(settings, endpoint.interface),
      })
    } catch (error) {
      throw new EngineError(
        'internal',
        `failed to create endpoint ${sandbox.containerName} on network ${network.name}: ${messageOf(error)}`,
        { cause: error },
      )
    }
  }

  #address(network: NetworkRecord, subnet: Subnet, settings: EndpointSettings): InterfaceAddress {
    const { family, bits } = subnet.prefix
    const taken = [...this.all(), ...this.#leaving.keys()].flatMap(({ endpoints }) =>
      endpoints.filter(({ networkId }) => networkId === network.id),
    )
    const used = new Set(
      taken.flatMap((endpoint) => parseAddress(family === 4 ? endpoint.ipv4 : endpoint.ipv6)?.value ?? []),
    )
    const asked = family === 4 ? settings.IPAMConfig?.IPv4Address : settings.IPAMConfig?.IPv6Address
    if (asked) {
      const address = parseAddress(asked)
      if (!address || used.has(address.value) || isReserved(subnet, address.value)) {
        throw new EngineError('permission_denied', 'Address already in use', { details: { address: asked } })
      }
      return { address, bits }
    }
    const address = allocate(subnet, used)
    if (!address) {
      throw new EngineError(
        'unavailable',
        `no available IPv${family} addresses on this network's address pools: ${network.name} (${network.id})`,
        { details: { status: 500 } },
      )
    }
    return { address, bits }
  }

  /** The endpoint that carries the default routes: highest priority, then Docker's alphabetical order of networks. */
  #gateway(sandbox: SandboxRecord): { interface: string; gateways: Address[] } | undefined {
    const candidates = sandbox.endpoints.flatMap((endpoint) => {
      const network = this.#catalog.byId(endpoint.networkId)
      return network?.driver === 'bridge' && !network.internal ? [{ endpoint, network }] : []
    })
    candidates.sort(
      (a, b) =>
        (b.endpoint.settings.GwPriority ?? 0) - (a.endpoint.settings.GwPriority ?? 0) ||
        a.network.name.localeCompare(b.network.name),
    )
    const [best] = candidates
    if (!best) return undefined
    const gateways = best.network.ipam.map((config) => subnetOf(config).gateway)
    return { interface: best.endpoint.interface, gateways }
  }

  #route(sandbox: SandboxRecord, before: { interface: string; gateways: Address[] } | undefined): void {
    const now = this.#gateway(sandbox)
    if (before?.interface === now?.interface) return
    this.#links.reroute(sandbox.netns, before, now)
  }
}

function interfaceFor(sandbox: SandboxRecord, asked: string | undefined, prefix: string): string {
  const taken = new Set(sandbox.endpoints.map((endpoint) => endpoint.interface))
  if (asked !== undefined) {
    if (!taken.has(asked) && asked !== 'lo') return asked
    throw new EngineError('conflict', `interface name ${asked} is already in use in ${sandbox.containerName}`)
  }
  let index = 0
  while (taken.has(`${prefix}${index}`)) index++
  return `${prefix}${index}`
}

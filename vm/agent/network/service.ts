/** The network service: catalogue, sandboxes, resolver, firewall and published ports put together. */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { EngineError, messageOf } from '../../api/errors.ts'
import type { EndpointSettings, NetworkCreateRequest, NetworkInspect } from '../../api/networks.ts'
import type { EngineConfig, PublishedPort } from '../../api/slipway.ts'
import type { EventBus } from '../events.ts'
import type { Filters } from '../images/images.ts'
import { bridgeOptions } from './bridge-options.ts'
import { Catalog } from './catalog.ts'
import { Clearance } from './clearance.ts'
import { Definitions } from './definitions.ts'
import { checkSettings, dnsNames, endpointSettings, isUserDefined } from './endpoint.ts'
import type { Firewall } from './firewall.ts'
import { refuseTwice } from './forwards.ts'
import { Guard } from './guard.ts'
import type { HostLink } from './host-link.ts'
import { type Links, NetlinkLinks } from './links.ts'
import type { Attachment, Endpoints, NetworkService } from './network.ts'
import { Publisher } from './publisher.ts'
import { type NetworkRecord, RecordFolder, type SandboxRecord } from './record.ts'
import { type DnsOptions, parseResolvConf, resolvConfText } from './resolv-conf.ts'
import { Resolver } from './resolver.ts'
import { UPLINK, UPLINK_SIX } from './ruleset.ts'
import { Sandboxes } from './sandboxes.ts'

export interface NetworksOptions {
  /** Where networks are kept: one JSON file each. */
  root: string
  /** What vanishes with the VM: endpoints and published ports of running containers. */
  runDir: string
  hostLink: HostLink
  events: EventBus
  config: EngineConfig
  log?: (message: string) => void
  links?: Links
  firewall: Firewall
  random?: (bytes: number) => Buffer
  resolvConfPath?: string
}

export class Networks implements NetworkService {
  readonly #catalog: Catalog
  readonly #sandboxes: Sandboxes
  readonly #resolver: Resolver
  readonly #publisher: Publisher
  readonly #links: Links
  readonly #firewall: Firewall
  readonly #definitions: Definitions
  readonly #log: (message: string) => void
  readonly #resolvConfPath: string
  readonly #clearance: Clearance
  readonly #guard: Guard
  #vmDns: DnsOptions = { servers: ['10.0.2.3'], search: [], options: [] }
  #opened: Promise<void> | undefined
  #ready: Promise<void> | undefined

  constructor(options: NetworksOptions) {
    this.#log = options.log ?? (() => undefined)
    const random = options.random ?? randomBytes
    this.#links = options.links ?? new NetlinkLinks()
    this.#firewall = options.firewall
    this.#resolvConfPath = options.resolvConfPath ?? '/etc/resolv.conf'
    this.#catalog = new Catalog(new RecordFolder(options.root, { durable: true }))
    this.#sandboxes = new Sandboxes({
      catalog: this.#catalog,
      links: this.#links,
      folder: new RecordFolder(join(options.runDir, 'endpoints'), { durable: false }),
      random,
      log: this.#log,
    })
    this.#definitions = new Definitions({
      catalog: this.#catalog,
      sandboxes: this.#sandboxes,
      links: this.#links,
      firewall: this.#firewall,
      events: options.events,
      random,
    })
    this.#resolver = new Resolver({
      names: { catalog: this.#catalog, on: (id) => this.#sandboxes.on(id) },
      upstream: () => this.#vmDns.servers,
      log: this.#log,
    })
    this.#publisher = new Publisher({
      link: options.hostLink,
      firewall: this.#firewall,
      folder: new RecordFolder(join(options.runDir, 'ports'), { durable: false }),
      model: options.config.portModel,
      log: this.#log,
    })
    this.#clearance = new Clearance({
      catalog: this.#catalog,
      hostLink: options.hostLink,
      ownRoutes: () => this.#links.routes(new Set(this.#catalog.all().map(({ bridge }) => bridge))),
      inUse: ({ id }) => this.#sandboxes.on(id).length > 0,
      rebuild: (network) => this.#definitions.rebuildBridge(network),
      log: this.#log,
    })
    this.#guard = new Guard({
      inUse: () => this.#sandboxes.all().length > 0,
      isIntact: () => this.#firewall.isIntact(),
      reload: () => this.#reload(),
      settle: () => {
        this.#links.route(UPLINK, UPLINK_SIX)
        const used = this.#definitions.bridges().filter(({ id }) => this.#sandboxes.on(id).length > 0)
        for (const network of used) this.#definitions.ensureBridge(network)
      },
      log: this.#log,
    })
    options.hostLink.onConnect = () => void this.#welcomeHost()
  }

  /** The app is there, or there again: it learns what to listen on, and what it reaches is kept clear of. */
  async #welcomeHost(): Promise<void> {
    try {
      await this.start()
    } catch (error) {
      return this.#log(`host link: ${messageOf(error)}`)
    }
    await this.#publisher.sync()
    this.#clearance.watch()
  }

  /**
   * Builds the bridges, loads the firewall (the only process this service ever spawns) and takes up what an earlier
   * agent left. Everything that needs it waits for it; called once, by whoever comes first.
   */
  start(): Promise<void> {
    this.#ready ??= this.#start().catch((error: unknown) => {
      this.#ready = undefined
      throw error
    })
    return this.#ready
  }

  /**
   * Reads the disk: enough for what `published` and `endpoints` answer, and to be done before anybody can ask them.
   * Nothing is set up yet.
   */
  open(): Promise<void> {
    this.#opened ??= this.#open().catch((error: unknown) => {
      this.#opened = undefined
      throw error
    })
    return this.#opened
  }

  async #open(): Promise<void> {
    const onBad = (name: string, error: unknown) => this.#log(`network state ${name}: ${messageOf(error)}`)
    this.#vmDns = parseResolvConf(await readFile(this.#resolvConfPath, 'utf8'))
    await this.#catalog.load(() => this.#definitions.newId(), onBad)
    await this.#sandboxes.load(onBad)
    await this.#publisher.load()
  }

  async keepOnly(running: ReadonlySet<string>): Promise<void> {
    await this.open()
    for (const { containerId } of this.#sandboxes.all()) {
      if (!running.has(containerId)) await this.#sandboxes.detach(containerId)
    }
    await this.#publisher.keepOnly(running)
  }

  async #start(): Promise<void> {
    await this.open()
    for (const network of this.#definitions.bridges()) this.#definitions.ensureBridge(network)
    this.#links.route(UPLINK, UPLINK_SIX)
    await this.#reload()
    this.#guard.start()
    for (const sandbox of this.#sandboxes.all()) {
      if (sandbox.dns) await this.#resume(sandbox)
    }
  }

  async #resume(sandbox: SandboxRecord): Promise<void> {
    try {
      await this.#resolver.serve(sandbox)
    } catch (error) {
      // Its container ended while no agent ran: the container service will detach it.
      this.#log(`resolver of ${sandbox.containerName}: ${messageOf(error)}`)
    }
  }

  async validate(networks: Record<string, EndpointSettings>): Promise<void> {
    await this.open()
    for (const [name, settings] of Object.entries(networks)) {
      const network = this.#catalog.lookUp(name)
      checkSettings(network?.name ?? name, network, settings)
    }
  }

  async attach(attachment: Attachment, options: { signal?: AbortSignal } = {}): Promise<Endpoints> {
    await this.start()
    options.signal?.throwIfAborted()
    const sandbox = await this.#sandboxes.attach(attachment)
    try {
      await this.#serveNames(sandbox)
    } catch (error) {
      await this.#sandboxes.detach(sandbox.containerId)
      throw error
    }
    for (const { networkId } of sandbox.endpoints)
      this.#definitions.announce('connect', networkId, sandbox.containerId)
    return this.endpoints(attachment.containerId) ?? {}
  }

  async detach(containerId: string): Promise<void> {
    await this.start()
    await this.unpublish(containerId)
    this.#resolver.stop(containerId)
    const sandbox = await this.#sandboxes.detach(containerId)
    for (const { networkId } of sandbox?.endpoints ?? [])
      this.#definitions.announce('disconnect', networkId, containerId)
  }

  async connect(
    attachment: Omit<Attachment, 'networks'>,
    network: string,
    settings: EndpointSettings,
  ): Promise<EndpointSettings> {
    await this.start()
    const record = this.#connectable(network)
    const { containerId } = attachment
    const sandbox =
      this.#sandboxes.get(containerId) ?? (await this.#sandboxes.attach({ ...attachment, networks: {} }))
    await this.#sandboxes.connect(sandbox, record, settings)
    await this.#serveNames(sandbox)
    this.#definitions.announce('connect', record.id, containerId)
    return this.endpoints(containerId)?.[record.name] ?? {}
  }

  async disconnect(containerId: string, network: string, options: { force?: boolean } = {}): Promise<void> {
    await this.start()
    const record = this.#catalog.find(network)
    if (record.driver === 'host') throw hostConflict()
    const sandbox = this.#sandboxes.get(containerId)
    const endpoint = sandbox && (await this.#sandboxes.disconnect(sandbox, record))
    if (endpoint) this.#definitions.announce('disconnect', record.id, containerId)
    else if (!options.force) {
      const message = `container ${containerId} is not connected to network ${record.name}`
      throw new EngineError('conflict', message, { details: { status: 500 } })
    }
  }

  endpoints(containerId: string): Endpoints | undefined {
    const sandbox = this.#sandboxes.get(containerId)
    if (!sandbox) return undefined
    const endpoints: Endpoints = {}
    for (const endpoint of sandbox.endpoints) {
      const network = this.#catalog.byId(endpoint.networkId)
      if (network) endpoints[network.name] = endpointSettings(network, endpoint)
    }
    return endpoints
  }

  async rename(containerId: string, name: string): Promise<void> {
    await this.#publisher.rename(containerId, name)
    const sandbox = this.#sandboxes.get(containerId)
    if (!sandbox) return
    sandbox.containerName = name
    for (const endpoint of sandbox.endpoints) {
      const container = { id: containerId, name, hostname: sandbox.hostname }
      endpoint.names = dnsNames(container, endpoint.settings.Aliases ?? [])
    }
    await this.#sandboxes.save(sandbox)
  }

  resolvConf(networks: string[], dns: DnsOptions): string {
    const embedded = networks.some((name) => isUserDefined(this.#catalog.find(name)))
    return resolvConfText(this.#vmDns, dns, embedded)
  }

  async publish(
    containerId: string,
    containerName: string,
    containerIp: string,
    ports: PublishedPort[],
    options: { deferred?: boolean; signal?: AbortSignal } = {},
  ): Promise<PublishedPort[]> {
    await this.start()
    await this.#guard.mend()
    const hostIp = this.#hostBinding(containerId, containerIp)
    const bound = ports.map((port) => (port.hostIp === '' ? { ...port, hostIp } : port))
    return this.#publisher.publish({ containerId, containerName, containerIp, ports: bound }, options)
  }

  /** Where the network that ports lead to wants them published. */
  #hostBinding(containerId: string, containerIp: string): string {
    const endpoint = this.#sandboxes.get(containerId)?.endpoints.find(({ ipv4 }) => ipv4 === containerIp)
    const network = endpoint && this.#catalog.byId(endpoint.networkId)
    return network ? bridgeOptions(network.options).hostBinding : ''
  }

  checkPorts(ports: readonly PublishedPort[]): void {
    refuseTwice(ports)
  }

  published(containerId: string): PublishedPort[] {
    return this.#publisher.published(containerId)
  }

  unpublish(containerId: string): Promise<void> {
    return this.#publisher.unpublish(containerId)
  }

  async configure(config: EngineConfig): Promise<void> {
    await this.start()
    await this.#publisher.setModel(config.portModel)
  }

  async list(filters: Filters): Promise<NetworkInspect[]> {
    await this.start()
    return this.#definitions.list(filters)
  }

  async inspect(idOrName: string): Promise<NetworkInspect> {
    await this.start()
    return this.#definitions.inspect(idOrName)
  }

  async create(request: NetworkCreateRequest): Promise<{ Id: string; Warning: string }> {
    await this.start()
    // Asked anew: a VPN comes and goes.
    await this.#clearance.follow()
    await this.#guard.mend()
    const { hostRoutes: avoid, ownRoutes: own } = this.#clearance
    const network = await this.#definitions.create(request, { avoid, own })
    const warning = this.#clearance.warningOf(network)
    if (warning) this.#log(warning)
    return { Id: network.id, Warning: warning }
  }

  async remove(idOrName: string): Promise<void> {
    await this.start()
    await this.#definitions.remove(idOrName)
  }

  async prune(filters: Filters): Promise<{ NetworksDeleted: string[] | null }> {
    await this.start()
    return await this.#definitions.prune(filters)
  }

  /** Networks that hide something which the user's computer reaches, one sentence each. */
  warnings(): string[] {
    return this.#clearance.warnings()
  }

  /** Looks after bridges and packet filter now; happens by itself from time to time. */
  look(): Promise<void> {
    return this.#guard.look()
  }

  [Symbol.dispose](): void {
    this.#clearance[Symbol.dispose]()
    this.#guard[Symbol.dispose]()
    this.#sandboxes.finishLeaving()
    this.#resolver[Symbol.dispose]()
  }

  /** Starts the embedded resolver once the container has a user-defined network. */
  async #serveNames(sandbox: SandboxRecord): Promise<void> {
    const networks = sandbox.endpoints.map(({ networkId }) => this.#catalog.byId(networkId))
    if (sandbox.dns || !networks.some((network) => network && isUserDefined(network))) return
    sandbox.dns = await this.#resolver.serve(sandbox)
    await this.#sandboxes.save(sandbox)
  }

  #connectable(name: string): NetworkRecord {
    const network = this.#catalog.find(name)
    if (network.driver === 'host') throw hostConflict()
    if (network.driver === 'null') {
      throw new EngineError(
        'invalid_argument',
        'container cannot be connected to multiple networks with one of the networks in private (none) mode',
      )
    }
    return network
  }

  /** Again when something was published while the rules were being loaded. */
  async #reload(): Promise<void> {
    const wanted = () => [this.#definitions.rules(), this.#publisher.publications()] as const
    for (let before = wanted(); ; before = wanted()) {
      await this.#firewall.load(...before)
      if (JSON.stringify(wanted()) === JSON.stringify(before)) return
    }
  }
}

function hostConflict(): EngineError {
  const message = 'container cannot be disconnected from host network or connected to host network'
  return new EngineError('invalid_argument', message)
}

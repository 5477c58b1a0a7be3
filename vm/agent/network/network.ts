/** Contract of networking: what the container service needs. Routes for `/networks` are served by NetworkService too. */
import type { EndpointSettings, NetworkCreateRequest, NetworkInspect } from '../../api/networks.ts'
import type { EngineConfig, PublishedPort } from '../../api/slipway.ts'
import type { Filters } from '../images/images.ts'

/** What a container brings to its networks. */
export interface Attachment {
  containerId: string
  containerName: string
  hostname: string
  /** Network namespace path, as in Task.netns. */
  netns: string
  /** `--dns` servers, for the embedded resolver of user-defined networks. */
  dnsServers?: string[]
  /** Network name or id → the wishes of create/connect. */
  networks: Record<string, EndpointSettings>
}

/** What came of it, per network name; goes into inspect as NetworkSettings.Networks. */
export type Endpoints = Record<string, EndpointSettings>

export interface NetworkService {
  /**
   * Frees the addresses, names and ports of all containers but these: what an agent left that died while it started or
   * ended others. To be called before anything is attached.
   */
  keepOnly(running: ReadonlySet<string>): Promise<void>
  /** Refuses unusable settings at create time, before anything is made; a network may be made later. */
  validate(networks: Record<string, EndpointSettings>): Promise<void>
  /** Gives the container its interfaces, addresses and names on all its networks, or nothing at all. */
  attach(attachment: Attachment, options?: { signal?: AbortSignal }): Promise<Endpoints>
  /** Releases addresses, names and published ports; the namespace itself dies with the task. Idempotent. */
  detach(containerId: string): Promise<void>
  connect(
    attachment: Omit<Attachment, 'networks'>,
    network: string,
    settings: EndpointSettings,
  ): Promise<EndpointSettings>
  disconnect(containerId: string, network: string, options?: { force?: boolean }): Promise<void>
  /** The running container's end of each of its networks, by network name; undefined when it is attached to none. */
  endpoints(containerId: string): Endpoints | undefined
  /** A running container's new name: what other containers look it up by. */
  rename(containerId: string, name: string): Promise<void>
  /** nameserver/search/options lines for a container on these networks. */
  resolvConf(networks: string[], dns: { servers: string[]; search: string[]; options: string[] }): string
  /**
   * Makes `ports` the container's published ports: asks the host to listen, programs the guest's half, all or nothing;
   * what stays the same is not touched, what is no longer asked for is closed. Answers real ports. conflict names the
   * port, its holder and the next free one; unavailable: no app is connected (`deferred`: then it is done as soon as
   * one is).
   */
  publish(
    containerId: string,
    containerName: string,
    containerIp: string,
    ports: PublishedPort[],
    options?: { deferred?: boolean; signal?: AbortSignal },
  ): Promise<PublishedPort[]>
  /** conflict when two of `ports` exclude each other, in the words that `publish` would fail with. */
  checkPorts(ports: readonly PublishedPort[]): void
  /** What is listened on for the container now, the truth for ps, port and inspect. */
  published(containerId: string): PublishedPort[]
  unpublish(containerId: string): Promise<void>
  /** Takes over what the host decides, port model included; running containers' ports follow. */
  configure(config: EngineConfig): Promise<void>

  list(filters: Filters): Promise<NetworkInspect[]>
  inspect(idOrName: string): Promise<NetworkInspect>
  create(request: NetworkCreateRequest): Promise<{ Id: string; Warning: string }>
  remove(idOrName: string): Promise<void>
  prune(filters: Filters): Promise<{ NetworksDeleted: string[] | null }>
}

/** Contract of networking: what the container service needs. Routes for `/networks` are served by NetworkService too. */
import type { EndpointSettings, NetworkCreateRequest, NetworkInspect } from '../../api/networks.ts'
import type { PublishedPort } from '../../api/slipway.ts'
import type { Filters } from '../images/images.ts'

/** What a container brings to its networks. */
export interface Attachment {
  containerId: string
  containerName: string
  hostname: string
  /** Network namespace path, as in Task.netns. */
  netns: string
  /** Network name or id → the wishes of create/connect. */
  networks: Record<string, EndpointSettings>
}

/** What came of it, per network name; goes into inspect as NetworkSettings.Networks. */
export type Endpoints = Record<string, EndpointSettings>

export interface NetworkService {
  /** Refuses unknown networks and unusable settings at create time, before anything is made. */
  validate(networks: Record<string, EndpointSettings>): Promise<void>
  /** Lines for the container's resolv.conf and hosts, known once addresses are: written by the container service. */
  attach(attachment: Attachment, options?: { signal?: AbortSignal }): Promise<Endpoints>
  /** Releases addresses and names; the namespace itself dies with the task. Idempotent. */
  detach(containerId: string): Promise<void>
  connect(
    attachment: Omit<Attachment, 'networks'>,
    network: string,
    settings: EndpointSettings,
  ): Promise<EndpointSettings>
  disconnect(containerId: string, network: string, options?: { force?: boolean }): Promise<void>
  /** nameserver/search/options lines for a container on these networks. */
  resolvConf(networks: string[], dns: { servers: string[]; search: string[]; options: string[] }): string
  /** Asks the host to listen, programs the guest's half, all or nothing. Answers real ports. unavailable/conflict name the port. */
  publish(
    containerId: string,
    containerName: string,
    containerIp: string,
    ports: PublishedPort[],
  ): Promise<PublishedPort[]>
  unpublish(containerId: string): Promise<void>

  list(filters: Filters): Promise<NetworkInspect[]>
  inspect(idOrName: string): Promise<NetworkInspect>
  create(request: NetworkCreateRequest): Promise<{ Id: string; Warning: string }>
  remove(idOrName: string): Promise<void>
  prune(filters: Filters): Promise<{ NetworksDeleted: string[] | null }>
}

/** A container's networks and published ports, changed while it exists; what is changed is kept. */
import { EngineError } from '../../api/errors.ts'
import type { EndpointSettings } from '../../api/networks.ts'
import type { PublishedPort } from '../../api/slipway.ts'
import type { Container } from './container.ts'
import { hostsFile, writeEtc } from './etc-files.ts'
import { linkedContainers } from './links.ts'
import { networkKind, primaryAddress } from './network-mode.ts'
import type { Parts } from './parts.ts'
import { bindingsOf, wantedPorts } from './port-spec.ts'
import { dnsOf } from './start.ts'

export class Members {
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
  }

  connectNetwork(reference: string, network: string, settings: EndpointSettings): Promise<void> {
    const container = this.#parts.table.get(reference)
    return container.lock.run(async () => {
      const { Name: name } = await this.#parts.networks.inspect(network)
      this.#checkConnectable(container, name)
      if (container.running && container.task) {
        await this.#parts.networks.connect(
          {
            containerId: container.id,
            containerName: container.name,
            hostname: container.record.config.Hostname ?? '',
            netns: container.task.netns,
            dnsServers: container.record.hostConfig.Dns ?? [],
          },
          name,
          settings,
        )
      } else await this.#parts.networks.validate({ [name]: settings })
      container.change({ networks: { ...container.record.networks, [name]: settings } })
      await this.#refresh(container)
      await this.#followAddress(container)
    })
  }

  disconnectNetwork(reference: string, network: string, options: { force: boolean }): Promise<void> {
    const container = this.#parts.table.find(reference)
    if (!container) {
      // Force frees the endpoint of a container that is gone.
      if (options.force) return this.#parts.networks.disconnect(reference, network, options)
      throw new EngineError('not_found', `No such container: ${reference}`)
    }
    return container.lock.run(async () => {
      const { Name: name } = await this.#parts.networks.inspect(network)
      if (name === 'host' && networkKind(container.record.hostConfig.NetworkMode).type === 'host') {
        throw new EngineError(
          'invalid_argument',
          'cannot disconnect container from host network - container was created in host network mode',
        )
      }
      if (!(name in container.record.networks)) {
        const words = container.running ? 'network' : 'the network'
        throw new EngineError('conflict', `container ${container.id} is not connected to ${words} ${name}`, {
          details: { status: 500 },
        })
      }
      if (container.running) await this.#parts.networks.disconnect(container.id, name, options)
      const { [name]: _gone, ...networks } = container.record.networks
      container.change({ networks })
      await this.#refresh(container)
      await this.#followAddress(container)
    })
  }

  async ports(reference: string): Promise<PublishedPort[]> {
    const container = this.#parts.table.get(reference)
    if (container.running) return this.#parts.networks.published(container.id)
    return wantedPorts(container.record.config, container.record.hostConfig).map(
      ({ containerPort, protocol, hostIp, hostPort }) => ({ containerPort, protocol, hostIp, hostPort }),
    )
  }

  /** All or nothing; what stays the same is not touched. Kept for the next start. */
  setPorts(
    reference: string,
    ports: PublishedPort[],
    options: { signal: AbortSignal },
  ): Promise<PublishedPort[]> {
    const container = this.#parts.table.get(reference)
    return container.lock.run(async () => {
      const kind = networkKind(container.record.hostConfig.NetworkMode)
      if (ports.length > 0 && kind.type !== 'networks') {
        throw new EngineError(
          'invalid_argument',
          `container ${container.name}: network mode ${container.record.hostConfig.NetworkMode} cannot publish ports`,
        )
      }
      this.#parts.networks.checkPorts(ports)
      const real = container.running ? await this.#publish(container, ports, options.signal) : ports
      const hostConfig = {
        ...container.record.hostConfig,
        PortBindings: bindingsOf(ports),
        PublishAllPorts: false,
      }
      const exposed = Object.fromEntries(ports.map((port) => [`${port.containerPort}/${port.protocol}`, {}]))
      const config = {
        ...container.record.config,
        ExposedPorts: { ...container.record.config.ExposedPorts, ...exposed },
      }
      container.change({ hostConfig, config, ports: container.running ? real : [] })
      await this.#parts.store.save(container.record)
      return real
    })
  }

  async #publish(
    container: Container,
    ports: PublishedPort[],
    signal: AbortSignal,
  ): Promise<PublishedPort[]> {
    const address = primaryAddress(container.record)
    if (!address) {
      if (ports.length === 0) return []
      throw new EngineError('conflict', `container ${container.name}: no network to publish ports on`)
    }
    return this.#parts.networks.publish(container.id, container.name, address, ports, { signal })
  }

  /**
   * Published ports lead to the container's address on one of its networks. When that one goes they follow to another,
   * under the same numbers and with what is connected staying so; without any they close until there is one again.
   */
  async #followAddress(container: Container): Promise<void> {
    if (!container.running) return
    const { networks, store } = this.#parts
    const { record } = container
    const published = networks.published(record.id)
    const wanted = published.length > 0 ? published : wantedPorts(record.config, record.hostConfig)
    if (wanted.length === 0) return
    const address = primaryAddress(record)
    if (address) {
      container.change({ ports: await networks.publish(record.id, record.name, address, wanted) })
    } else {
      await networks.unpublish(record.id)
      container.change({ ports: [] })
    }
    await store.save(container.record)
  }

  #checkConnectable(container: Container, name: string): void {
    const { type } = networkKind(container.record.hostConfig.NetworkMode)
    if (name === 'host') {
      throw new EngineError(
        'invalid_argument',
        'cannot connect container to host network - container must be created in host network mode',
      )
    }
    if (type === 'container' || type === 'host') {
      throw new EngineError(
        'invalid_argument',
        'container sharing network namespace with another container or host cannot be connected to any other network',
      )
    }
    if (name === 'none' || type === 'none') {
      throw new EngineError(
        'invalid_argument',
        'container cannot be connected to multiple networks with one of the networks in private (none) mode',
      )
    }
    if (name in container.record.networks && container.running) {
      throw new EngineError(
        'permission_denied',
        `endpoint with name ${container.name} already exists in network ${name}`,
      )
    }
  }

  /** Addresses changed: hosts and resolv.conf follow, and the record. */
  async #refresh(container: Container): Promise<void> {
    if (container.running) {
      container.change({ endpoints: this.#parts.networks.endpoints(container.id) ?? {} })
      await writeEtc(this.#parts.store.directory(container.id), {
        hosts: hostsFile(container.record, linkedContainers(this.#parts, container)),
        resolvConf: this.#parts.networks.resolvConf(
          Object.keys(container.record.endpoints),
          dnsOf(container.record.hostConfig),
        ),
      })
    }
    await this.#parts.store.save(container.record)
  }
}

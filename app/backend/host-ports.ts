import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'
import type { PortModel, Protocol, PublishedPort } from '../../vm/api/slipway.ts'
import type { PortRoute } from '../contract.ts'
import type { EngineClient } from '../engine/client.ts'
import type { SettingsStore } from '../settings.ts'
import type { Ports } from './parts.ts'

/** The VM's address in QEMU's user network. */
const VM_ADDRESS = '10.0.2.15'
/** How far above the wanted port a free one is looked for. */
const SEARCH = 200

/** What the Ports tab shows and the run dialog asks. */
export class HostPorts implements Ports {
  readonly #engine: EngineClient
  readonly #settings: SettingsStore

  constructor({ engine, settings }: { engine: EngineClient; settings: SettingsStore }) {
    this.#engine = engine
    this.#settings = settings
  }

  async routes(id: string, signal: AbortSignal): Promise<PortRoute[]> {
    const [ports, { NetworkSettings, State }] = await Promise.all([
      this.#engine.slipway.ports(id, { signal }),
      this.#engine.containers.inspect(id, { signal }),
    ])
    const networks = Object.values(NetworkSettings.Networks)
    const address =
      NetworkSettings.IPAddress || (networks.find(({ IPAddress }) => IPAddress)?.IPAddress ?? '')
    const model = this.#settings.value.portModel
    return ports.map((port) => ({
      port,
      model,
      hops: hops(port, model, address),
      state: State.Running
        ? { listening: true }
        : { listening: false, error: 'the container is not running' },
    }))
  }

  async probe(
    hostIp: string,
    port: number,
    protocol: Protocol,
  ): Promise<{ free: boolean; holder?: string; next: number }> {
    const host = hostIp === '' || hostIp === 'localhost' ? '127.0.0.1' : hostIp
    const free = await isFree(host, port, protocol)
    if (free) return { free, next: port }
    for (let next = port + 1; next <= Math.min(65_535, port + SEARCH); next++) {
      if (await isFree(host, next, protocol)) return { free, next }
    }
    return { free, next: 0 }
  }
}

function hops(port: PublishedPort, model: PortModel, containerIp: string): PortRoute['hops'] {
  const host = { label: 'host', address: port.hostIp || '127.0.0.1', port: port.hostPort } as const
  const container = { label: 'container', address: containerIp, port: port.containerPort } as const
  if (model === 'direct') return [host, container]
  return [host, { label: 'vm', address: VM_ADDRESS, port: port.hostPort }, container]
}

/** Whether the port can be bound right now; 0 always can. */
async function isFree(host: string, port: number, protocol: Protocol): Promise<boolean> {
  return await new Promise<boolean>((resolve) => {
    if (protocol === 'udp') {
      const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
      socket.once('error', () => socket.close(() => resolve(false)))
      socket.bind({ address: host, port, exclusive: true }, () => socket.close(() => resolve(true)))
      return
    }
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)))
  })
}

/** Published ports of the host as one thing: the link to the engine, the listeners, and what the UI asks about them. */
import { messageOf } from '../../vm/api/errors.ts'
import type { PortRoute } from '../contract.ts'
import type { Dial } from '../machine/dial.ts'
import { type ForwardState, PortForwarder } from './forwarder.ts'
import { keepHostLink } from './host-link.ts'
import { type Monitor, QemuPaths } from './qemu-path.ts'

/** The machine's own forward, which is not ours to remove. */
const SSHD = { host: '10.0.2.15', port: 22 }
export const ENGINE_SOCKET = '/run/slipway/engine.sock'

export class PublishedPorts implements AsyncDisposable {
  readonly #forwarder: PortForwarder
  readonly #dial: Dial
  readonly #log: (message: string) => void
  readonly #enginePath: string
  readonly #paths: QemuPaths | undefined
  #running: { abort: AbortController; done: Promise<void> } | undefined

  /** `monitor`: QEMU's, for the fast data path; without it all data goes over SSH. */
  constructor(options: {
    dial: Dial
    log: (message: string) => void
    monitor?: Monitor
    enginePath?: string
  }) {
    this.#dial = options.dial
    const paths = options.monitor && new QemuPaths(options.monitor)
    this.#paths = paths
    this.#log = options.log
    this.#enginePath = options.enginePath ?? ENGINE_SOCKET
    this.#forwarder = new PortForwarder({
      dial: options.dial,
      enginePath: this.#enginePath,
      ...(paths ? { openPath: (target) => paths.open(target) } : {}),
    })
  }

  /** The engine answers: connects and stays connected. Idempotent. */
  start(): void {
    if (this.#running) return
    const abort = new AbortController()
    this.#running = { abort, done: this.#run(abort.signal) }
  }

  async #run(signal: AbortSignal): Promise<void> {
    try {
      await this.#paths?.clear(SSHD)
    } catch (error) {
      this.#log(`published ports: ${messageOf(error)}`)
    }
    await keepHostLink({
      dial: this.#dial,
      socketPath: this.#enginePath,
      forwarder: this.#forwarder,
      log: this.#log,
      signal,
    })
  }

  /** The machine stops or is gone: every listener is closed. */
  async stop(): Promise<void> {
    const running = this.#running
    this.#running = undefined
    running?.abort.abort()
    await running?.done
    await this.#forwarder.clear()
  }

  /** Where each published port of a running container leads, hop by hop. */
  routes(containerId: string): PortRoute[] {
    return this.#forwarder
      .list()
      .filter((forward) => forward.containerId === containerId)
      .map(routeOf)
  }

  probe(hostIp: string, port: number, protocol: 'tcp' | 'udp') {
    return this.#forwarder.probe(hostIp, port, protocol)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    await this.#forwarder[Symbol.asyncDispose]()
  }
}

/** Three addresses in the double model, two in the direct one. Pure. */
export function routeOf({ forward, address, listening, error }: ForwardState): PortRoute {
  const { via, hostPort, containerIp, containerPort, protocol } = forward
  const hops: PortRoute['hops'] = [
    { label: 'host', address, port: hostPort },
    ...(via ? [{ label: 'vm' as const, address: via.ip, port: via.port || hostPort }] : []),
    { label: 'container', address: containerIp, port: containerPort },
  ]
  return {
    port: { containerPort, protocol, hostIp: address, hostPort },
    model: via ? 'double' : 'direct',
    hops,
    state: listening ? { listening: true } : { listening: false, error: error ?? 'not listening' },
  }
}

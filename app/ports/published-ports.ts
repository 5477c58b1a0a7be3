/** Published ports of the host as one thing: the link to the engine, the listeners, and what the UI asks about them. */
import { EngineError, messageOf } from '../../vm/api/errors.ts'
import type { PortRoute } from '../contract.ts'
import type { Dial } from '../machine/dial.ts'
import { type ForwardState, PortForwarder } from './forwarder.ts'
import { keepHostLink } from './host-link.ts'
import { type Monitor, QemuPaths } from './qemu-path.ts'

/** The machine's own forward, which is not ours to remove. */
const SSHD = { host: '10.0.2.15', port: 22 }
/** How long the machine's start waits for the ports of containers that run already. */
const SYNC_MS = 20_000
export const ENGINE_SOCKET = '/run/slipway/engine.sock'

export class PublishedPorts implements AsyncDisposable {
  readonly #forwarder: PortForwarder
  readonly #dial: Dial
  readonly #log: (message: string) => void
  readonly #enginePath: string
  readonly #paths: QemuPaths | undefined
  readonly #folders: () => Promise<void>
  readonly #onProblem: (message: string | undefined) => void
  #problem: string | undefined
  #running: { abort: AbortController; done: Promise<void>; synced: Promise<void> } | undefined

  /**
   * `monitor`: QEMU's, for the fast data path; without it all data goes over SSH. `onProblem`: what is wrong with the
   * ports that should be there, undefined once nothing is. `folders`: serves the shared folders, for which the engine asks
   * on the same link.
   */
  constructor(options: {
    dial: Dial
    log: (message: string) => void
    monitor?: Monitor
    enginePath?: string
    onProblem?: (message: string | undefined) => void
    folders?: () => Promise<void>
  }) {
    this.#folders =
      options.folders ?? (() => Promise.reject(new EngineError('not_implemented', 'no folders are shared')))
    this.#onProblem = options.onProblem ?? (() => undefined)
    this.#dial = options.dial
    const paths = options.monitor && new QemuPaths(options.monitor)
    this.#paths = paths
    this.#log = options.log
    this.#enginePath = options.enginePath ?? ENGINE_SOCKET
    this.#forwarder = new PortForwarder({
      dial: options.dial,
      enginePath: this.#enginePath,
      log: this.#log,
      onChange: () => this.#tellProblem(),
      ...(paths ? { openPath: (target) => paths.open(target) } : {}),
    })
  }

  /**
   * The engine answers: connects and stays connected; called again, it checks what is there. Resolves when the ports of
   * all running containers are listened on, or after a time: a host link that does not come up is tried again for ever.
   */
  async start(): Promise<void> {
    if (this.#running) {
      await this.#running.synced
      return await this.#forwarder.verify()
    }
    const abort = new AbortController()
    const { promise: synced, resolve } = withResolvers()
    const timer = setTimeout(resolve, SYNC_MS)
    const onSynced = () => {
      clearTimeout(timer)
      resolve()
    }
    abort.signal.addEventListener('abort', onSynced, { once: true })
    this.#running = { abort, done: this.#run(abort.signal, onSynced), synced }
    await synced
  }

  async #run(signal: AbortSignal, onSynced: () => void): Promise<void> {
    try {
      await this.#paths?.clear(SSHD)
    } catch (error) {
      this.#log(`published ports: ${messageOf(error)}`)
    }
    const forwarder = this.#forwarder
    await keepHostLink({
      dial: this.#dial,
      socketPath: this.#enginePath,
      forwarder: {
        expose: (owner, forwards) => forwarder.expose(owner, forwards),
        unexpose: (owner, forwards) => forwarder.unexpose(owner, forwards),
        sync: (wanted) => forwarder.sync(wanted).finally(onSynced),
      },
      folders: this.#folders,
      log: this.#log,
      signal,
    })
  }

  #tellProblem(): void {
    const lost = this.#forwarder.list().filter(({ listening }) => !listening)
    const texts = lost.map(({ containerName, error }) => `container ${containerName}: ${error}`)
    const problem = texts.length > 0 ? [...new Set(texts)].join('; ') : undefined
    if (problem === this.#problem) return
    this.#problem = problem
    this.#onProblem(problem)
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

/** Promise.withResolvers, which Node 20 lacks. */
function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}

/**
 * Published ports → listeners of the host. Binds first and answers then; each listener is keyed by protocol, address
 * and port and belongs to one container. Where its connections lead can change under it without touching the ones that
 * are open.
 */
import { Disposal } from '../../vm/api/disposal.ts'
import { EngineError, messageOf } from '../../vm/api/errors.ts'
import type { Forward, Protocol } from '../../vm/api/slipway.ts'
import type { Dial } from '../machine/dial.ts'
import { addressesOf } from './address.ts'
import { type Bound, bindForward, nextFreePort, portTaken, type Target } from './bind.ts'
import type { Path } from './qemu-path.ts'
import type { Listener } from './tcp-listener.ts'
import { openRelay } from './udp-relay.ts'

/** A port that could not be bound on `sync` (someone took it meanwhile) is tried again this often. */
const RETRY_MS = 3_000
const DIAL_TIMEOUT_MS = 30_000

export interface Owner {
  containerId: string
  containerName: string
}

/** One listener and where it leads now. */
interface Entry extends Owner {
  key: string
  address: string
  protocol: Protocol
  listener: Listener
  /** Shared by the listeners of one forward, replaced when the target changes. */
  target: Destination
}

interface Destination {
  forward: Forward
  failure?: string
  /** The fast way, where it could be had. */
  path?: Path
}

/** Opens the fast way to a TCP address inside the VM; 'unavailable' where there is none. */
export type OpenPath = (target: { host: string; port: number }) => Promise<Path>

/** A forward as the UI shows it. */
export interface ForwardState extends Owner {
  forward: Forward
  address: string
  listening: boolean
  error?: string
}

type Wanted = Forward & Owner

export class PortForwarder implements AsyncDisposable {
  readonly #dial: Dial
  readonly #enginePath: string
  readonly #openPath: OpenPath | undefined
  readonly #entries = new Map<string, Entry>()
  /** Forwards of the last sync that could not be bound. */
  #missing: { wanted: Wanted; error: string }[] = []
  #retry: NodeJS.Timeout | undefined
  #turn: Promise<unknown> = Promise.resolve()
  #disposed = false

  /** `enginePath`: the engine's socket inside the VM, for the UDP relay. */
  constructor(options: { dial: Dial; enginePath: string; openPath?: OpenPath }) {
    this.#openPath = options.openPath
    this.#dial = options.dial
    this.#enginePath = options.enginePath
  }

  /** Opens all of `forwards` or none; answers them with real ports and addresses, in order. */
  expose(owner: Owner, forwards: readonly Forward[]): Promise<Forward[]> {
    return this.#inTurn(async () => {
      await using undo = new Disposal()
      const commits: (() => void)[] = []
      const opened: Forward[] = []
      const claimed = new Set<string>()
      for (const forward of forwards) {
        const wanted = { ...forward, ...owner }
        if (forward.hostPort !== 0 && keysOf(forward).some((key) => claimed.has(key))) {
          throw portTaken(forward, `container ${owner.containerName}`, await nextFreePort(forward))
        }
        const result = await this.#open(wanted, undo, commits)
        for (const key of keysOf(result)) claimed.add(key)
        opened.push(result)
      }
      undo.release()
      for (const commit of commits) commit()
      return opened
    })
  }

  /** Closes listeners and their connections; what is not there is not an error. */
  unexpose(owner: Pick<Owner, 'containerId'>, forwards: readonly Forward[]): Promise<void> {
    return this.#inTurn(async () => {
      const keys = new Set(forwards.flatMap(keysOf))
      this.#missing = this.#missing.filter(({ wanted }) => !keysOf(wanted).some((key) => keys.has(key)))
      const closing = [...keys].flatMap((key) => this.#entries.get(key) ?? [])
      await this.#close(closing.filter((entry) => entry.containerId === owner.containerId))
    })
  }

  /** Makes exactly `wanted` exist; a port that cannot be bound comes back with no `bound` address and is tried again. */
  sync(wanted: readonly Wanted[]): Promise<Forward[]> {
    return this.#inTurn(async () => {
      const keys = new Map(wanted.flatMap((forward) => keysOf(forward).map((key) => [key, forward])))
      const stale = [...this.#entries.values()].filter(
        (entry) => keys.get(entry.key)?.containerId !== entry.containerId,
      )
      await this.#close(stale)
      this.#missing = []
      const answers: Forward[] = []
      for (const forward of wanted) answers.push(await this.#tryOpen(forward))
      this.#schedule()
      return answers
    })
  }

  /** Every forward, address by address, those that wait for their port included. */
  list(): ForwardState[] {
    const bound = [...this.#entries.values()].map(
      ({ containerId, containerName, address, target }): ForwardState => ({
        containerId,
        containerName,
        address,
        forward: target.forward,
        listening: true,
        ...(target.failure === undefined ? {} : { error: target.failure }),
      }),
    )
    const missing = this.#missing.flatMap(({ wanted, error }) =>
      addressesOf(wanted.hostIp).map((address): ForwardState => {
        const { containerId, containerName } = wanted
        return { containerId, containerName, address, forward: wanted, listening: false, error }
      }),
    )
    return [...bound, ...missing]
  }

  /** Whether a port could be published now, who has it if not, and the next free one. */
  async probe(
    hostIp: string,
    port: number,
    protocol: Protocol,
  ): Promise<{ free: boolean; holder?: string; next: number }> {
    const forward: Forward = { protocol, hostIp, hostPort: port, containerIp: '', containerPort: port }
    const own = this.#owned(forward)
    const next = async () => (await nextFreePort(forward)) ?? port
    if (own) return { free: false, holder: `container ${own.containerName}`, next: await next() }
    try {
      const bound = await bindForward(forward, this.#target({ forward }))
      await closeAll(bound.addresses.map(({ listener }) => listener))
      return { free: true, next: port === 0 ? bound.port : port }
    } catch (error) {
      const holder = error instanceof EngineError ? error.details?.['holder'] : undefined
      return { free: false, ...(typeof holder === 'string' ? { holder } : {}), next: await next() }
    }
  }

  /** Closes every listener and connection; ports can be exposed again afterwards. */
  clear(): Promise<void> {
    return this.#inTurn(() => {
      this.#missing = []
      clearTimeout(this.#retry)
      return this.#close([...this.#entries.values()])
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true
    await this.clear()
  }

  /** Binds what is missing of a forward; listeners of the same container are kept and retargeted on commit. */
  async #open(wanted: Wanted, undo: Disposal, commits: (() => void)[]): Promise<Forward> {
    const existing = this.#owned(wanted)
    if (existing && existing.containerId !== wanted.containerId) {
      const next = await nextFreePort(wanted)
      throw portTaken(wanted, `container ${existing.containerName}`, next)
    }
    const { containerId: _, containerName: __, bound: ___, ...forward } = wanted
    const kept = wanted.hostPort === 0 ? [] : keysOf(wanted).flatMap((key) => this.#entries.get(key) ?? [])
    if (kept.length > 0) {
      return this.#keep(kept, wanted, forward, undo, commits)
    }
    const target: Destination = { forward }
    const opened = await bindForward(forward, this.#target(target))
    undo.push(() => closeAll(opened.addresses.map(({ listener }) => listener)))
    const result = this.#register(wanted, forward, opened, target, undo)
    await this.#findPath(target)
    undo.push(() => closePath(target))
    return result
  }

  /** Listeners of the same container stay; where they lead changes on commit. */
  async #keep(
    kept: readonly Entry[],
    owner: Owner,
    forward: Forward,
    undo: Disposal,
    commits: (() => void)[],
  ): Promise<Forward> {
    const target: Destination = { forward: { ...forward, bound: kept.map(({ address }) => address) } }
    const same = kept.every((entry) => sameDestination(entry.target.forward, forward))
    if (!same) {
      await this.#findPath(target)
      undo.push(() => closePath(target))
    }
    commits.push(() => {
      for (const entry of kept) {
        entry.containerName = owner.containerName
        entry.target.forward = target.forward
        if (same) continue
        const { path } = entry.target
        delete entry.target.path
        if (path) void closePath({ path })
        if (target.path) entry.target.path = target.path
      }
    })
    return target.forward
  }

  #register(wanted: Wanted, forward: Forward, opened: Bound, target: Destination, undo: Disposal): Forward {
    const { hostPortEnd: _, ...single } = forward
    const result: Forward = {
      ...single,
      hostPort: opened.port,
      bound: opened.addresses.map(({ address }) => address),
    }
    target.forward = result
    const { containerId, containerName } = wanted
    for (const { address, listener } of opened.addresses) {
      const key = keyOf(forward.protocol, address, opened.port)
      const entry = { containerId, containerName, key, address, protocol: forward.protocol, listener, target }
      this.#entries.set(key, entry)
      undo.push(() => this.#entries.delete(key))
    }
    return result
  }

  async #findPath(target: Destination): Promise<void> {
    const { protocol, containerIp } = target.forward
    if (!this.#openPath || protocol !== 'tcp' || containerIp.includes(':')) return
    try {
      target.path = await this.#openPath(addressOf(target.forward))
    } catch (error) {
      // SSH carries it as well, only slower.
      if (!(error instanceof EngineError)) throw error
    }
  }

  async #tryOpen(wanted: Wanted): Promise<Forward> {
    await using undo = new Disposal()
    const commits: (() => void)[] = []
    try {
      const opened = await this.#open(wanted, undo, commits)
      undo.release()
      for (const commit of commits) commit()
      return opened
    } catch (error) {
      const { containerId: _, containerName: __, ...forward } = wanted
      this.#missing.push({ wanted, error: messageOf(error) })
      return { ...forward, bound: [] }
    }
  }

  #schedule(): void {
    clearTimeout(this.#retry)
    if (this.#missing.length === 0 || this.#disposed) return
    this.#retry = setTimeout(() => {
      void this.#inTurn(async () => {
        for (const { wanted } of this.#missing.splice(0)) await this.#tryOpen(wanted)
        this.#schedule()
      })
    }, RETRY_MS)
    this.#retry.unref()
  }

  #owned(forward: Forward): Entry | undefined {
    if (forward.hostPort === 0 || forward.hostPortEnd !== undefined) return undefined
    for (const key of keysOf(forward)) {
      const entry = this.#entries.get(key)
      if (entry) return entry
    }
    return undefined
  }

  /** Reads the target at each connection, so that a change of it needs no new listener. */
  #target(target: Destination): Target {
    return {
      connect: async ({ signal }) => {
        if (target.path) {
          try {
            return await target.path.connect({ signal })
          } catch (error) {
            if (signal.aborted) throw error
          }
        }
        const deadline = AbortSignal.any([signal, AbortSignal.timeout(DIAL_TIMEOUT_MS)])
        const stream = await this.#dial(addressOf(target.forward), { signal: deadline, class: 'bulk' })
        delete target.failure
        return stream
      },
      relay: (options) => openRelay(this.#dial, this.#enginePath, target.forward, options),
      onFailure: (error) => {
        target.failure = messageOf(error)
      },
    }
  }

  async #close(entries: readonly Entry[]): Promise<void> {
    for (const { key } of entries) this.#entries.delete(key)
    const used = new Set([...this.#entries.values()].map(({ target }) => target))
    const unused = new Set(entries.map(({ target }) => target).filter((target) => !used.has(target)))
    await Promise.all([...unused].map(closePath))
    await closeAll(entries.map(({ listener }) => listener))
  }

  /** Changes follow each other, so that none sees half of another. */
  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(action, action)
    this.#turn = turn.catch(() => undefined)
    return turn
  }
}

async function closeAll(listeners: readonly Listener[]): Promise<void> {
  await Promise.all(listeners.map((listener) => listener[Symbol.asyncDispose]()))
}

/** A forward whose VM is gone has nothing left to be removed from. */
async function closePath(target: Pick<Destination, 'path'>): Promise<void> {
  try {
    await target.path?.close()
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
  }
}

/** Where a connection goes inside the VM. */
function addressOf({ via, hostPort, containerIp, containerPort }: Forward): { host: string; port: number } {
  return via ? { host: via.ip, port: via.port || hostPort } : { host: containerIp, port: containerPort }
}

function sameDestination(a: Forward, b: Forward): boolean {
  const [one, two] = [addressOf(a), addressOf(b)]
  return one.host === two.host && one.port === two.port
}

function keyOf(protocol: Protocol, address: string, port: number): string {
  return `${protocol}/${address}/${port}`
}

function keysOf({ protocol, hostIp, hostPort }: Forward): string[] {
  return addressesOf(hostIp).map((address) => keyOf(protocol, address, hostPort))
}

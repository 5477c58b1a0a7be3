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
import { type Bound, bindForward, nextFreePort, portTaken } from './bind.ts'
import { Destination, type OpenPath, sameDestination, type Ways } from './destination.ts'
import type { Listener } from './tcp-listener.ts'

/** A port that could not be bound on `sync` (someone took it meanwhile) is tried again this often. */
const RETRY_MS = 3_000
/** While ports are published, listeners and paths are looked at this often, besides whenever one fails a client. */
const CHECK_MS = 15_000

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

/** A forward as the UI shows it. */
export interface ForwardState extends Owner {
  forward: Forward
  address: string
  listening: boolean
  error?: string
}

type Wanted = Forward & Owner

export class PortForwarder implements AsyncDisposable {
  readonly #ways: Ways
  readonly #onChange: () => void
  readonly #entries = new Map<string, Entry>()
  /** Forwards of the last sync that could not be bound. */
  #missing: { wanted: Wanted; error: string }[] = []
  #retry: NodeJS.Timeout | undefined
  #check: NodeJS.Timeout | undefined
  #turn: Promise<unknown> = Promise.resolve()
  #disposed = false

  /** `enginePath`: the engine's socket inside the VM. `onChange`: after every change of what is listened on. */
  constructor(options: {
    dial: Dial
    enginePath: string
    openPath?: OpenPath
    log?: (message: string) => void
    onChange?: () => void
  }) {
    const { dial, enginePath, openPath, log = () => undefined } = options
    this.#ways = { dial, enginePath, openPath, log }
    this.#onChange = options.onChange ?? (() => undefined)
  }

  /** Opens all of `forwards` or none; answers them with real ports and addresses, in order. */
  expose(owner: Owner, forwards: readonly Forward[]): Promise<Forward[]> {
    return this.#inTurn(async () => {
      await using undo = new Disposal()
      const commits: (() => Promise<void>)[] = []
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
      for (const commit of commits) await commit()
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
      const bound = await bindForward(forward, new Destination(forward, this.#ways).target)
      await closeAll(bound.addresses.map(({ listener }) => listener))
      return { free: true, next: port === 0 ? bound.port : port }
    } catch (error) {
      const holder = error instanceof EngineError ? error.details?.['holder'] : undefined
      return { free: false, ...(typeof holder === 'string' ? { holder } : {}), next: await next() }
    }
  }

  /** Looks at every listener and path without touching a container; what does not work any more is made again. */
  async verify(): Promise<void> {
    await this.#inTurn(async () => {
      const entries = [...this.#entries.values()]
      const works = await Promise.all(entries.map(({ listener }) => listener.accepts()))
      for (const entry of entries.filter((_, i) => !works[i])) await this.#rebind(entry)
      this.#schedule()
    })
    // Out of turn: a path that hangs must not keep containers from starting.
    const targets = new Set([...this.#entries.values()].map(({ target }) => target))
    await Promise.all([...targets].map((target) => target.verify()))
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
  async #open(wanted: Wanted, undo: Disposal, commits: (() => Promise<void>)[]): Promise<Forward> {
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
    const target = new Destination(forward, this.#ways)
    const opened = await this.#bind(wanted, forward, target, undo)
    undo.push(() => closeAll(opened.addresses.map(({ listener }) => listener)))
    const result = this.#register(wanted, forward, opened, target, undo)
    undo.push(() => target.close())
    await target.findPath()
    for (const { listener } of opened.addresses) listener.retarget()
    return result
  }

  /** A container may move a port of its own to another address: its old listener makes room, and comes back on undo. */
  async #bind(owner: Owner, forward: Forward, target: Destination, undo: Disposal): Promise<Bound> {
    try {
      return await bindForward(forward, target.target)
    } catch (error) {
      const suffix = `/${forward.hostPort}`
      const rivals = [...this.#entries.values()].filter(
        ({ containerId, protocol, key }) =>
          containerId === owner.containerId && protocol === forward.protocol && key.endsWith(suffix),
      )
      if (!(error instanceof EngineError && error.kind === 'conflict') || rivals.length === 0) throw error
      await this.#close(rivals)
      undo.push(async () => {
        for (const { address, target: old } of rivals) {
          const { containerId, containerName } = owner
          await this.#tryOpen({ ...old.forward, hostIp: address, containerId, containerName })
        }
      })
      return await bindForward(forward, target.target)
    }
  }

  /** Listeners of the same container stay; where they lead changes on commit. */
  async #keep(
    kept: readonly Entry[],
    owner: Owner,
    forward: Forward,
    undo: Disposal,
    commits: (() => Promise<void>)[],
  ): Promise<Forward> {
    const next = new Destination({ ...forward, bound: kept.map(({ address }) => address) }, this.#ways)
    const { forward: result } = next
    const same = kept.every((entry) => sameDestination(entry.target.forward, forward))
    if (!same) {
      undo.push(() => next.close())
      await next.findPath()
    }
    commits.push(async () => {
      for (const entry of kept) entry.containerName = owner.containerName
      // One forward's listeners share their destination.
      const [first, ...rest] = new Set(kept.map(({ target }) => target))
      if (same) first?.describe(result)
      else await first?.take(next)
      for (const entry of kept) {
        if (first) entry.target = first
        if (!same) entry.listener.retarget()
      }
      for (const target of rest) await target.close()
    })
    return result
  }

  #register(wanted: Wanted, forward: Forward, opened: Bound, target: Destination, undo: Disposal): Forward {
    const { hostPortEnd: _, ...single } = forward
    const result: Forward = {
      ...single,
      hostPort: opened.port,
      bound: opened.addresses.map(({ address }) => address),
    }
    target.describe(result)
    const { containerId, containerName } = wanted
    for (const { address, listener } of opened.addresses) {
      const key = keyOf(forward.protocol, address, opened.port)
      const entry = { containerId, containerName, key, address, protocol: forward.protocol, listener, target }
      this.#entries.set(key, entry)
      undo.push(() => this.#entries.delete(key))
    }
    return result
  }

  async #tryOpen(wanted: Wanted): Promise<Forward> {
    await using undo = new Disposal()
    const commits: (() => Promise<void>)[] = []
    try {
      const opened = await this.#open(wanted, undo, commits)
      undo.release()
      for (const commit of commits) await commit()
      return opened
    } catch (error) {
      const { containerId: _, containerName: __, ...forward } = wanted
      this.#missing.push({ wanted, error: messageOf(error) })
      return { ...forward, bound: [] }
    }
  }

  /** Listens anew where a listener was lost; where it leads stays. */
  async #rebind(entry: Entry): Promise<void> {
    const { containerId, containerName, address, target } = entry
    const { bound: _, ...forward } = target.forward
    const wanted = { ...forward, hostIp: address, containerId, containerName }
    this.#ways.log(`published port ${forward.hostPort}: the listener on ${address} was lost`)
    await closeAll([entry.listener])
    try {
      const [again] = (await bindForward(wanted, target.target)).addresses
      if (again) entry.listener = again.listener
      entry.listener.retarget()
    } catch (error) {
      await this.#close([entry])
      this.#missing.push({ wanted, error: messageOf(error) })
    }
  }

  /** Checks from time to time while there is something to check. */
  #watch(): void {
    if (this.#entries.size === 0 || this.#disposed) {
      clearInterval(this.#check)
      this.#check = undefined
      return
    }
    this.#check ??= setInterval(() => {
      this.verify().catch((error: unknown) => this.#ways.log(`published ports: ${messageOf(error)}`))
    }, CHECK_MS).unref()
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

  async #close(entries: readonly Entry[]): Promise<void> {
    for (const { key } of entries) this.#entries.delete(key)
    const used = new Set([...this.#entries.values()].map(({ target }) => target))
    const unused = new Set(entries.map(({ target }) => target).filter((target) => !used.has(target)))
    // The port is free again whatever becomes of the path behind it.
    await closeAll(entries.map(({ listener }) => listener))
    await Promise.all([...unused].map((target) => target.close()))
  }

  /** Changes follow each other, so that none sees half of another. */
  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(action, action).finally(() => {
      this.#watch()
      this.#onChange()
    })
    this.#turn = turn.catch(() => undefined)
    return turn
  }
}

async function closeAll(listeners: readonly Listener[]): Promise<void> {
  await Promise.all(listeners.map((listener) => listener[Symbol.asyncDispose]()))
}

function keyOf(protocol: Protocol, address: string, port: number): string {
  return `${protocol}/${address}/${port}`
}

function keysOf({ protocol, hostIp, hostPort }: Forward): string[] {
  return addressesOf(hostIp).map((address) => keyOf(protocol, address, hostPort))
}

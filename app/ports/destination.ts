/** Where the connections of a published port go: over the fast path where there is one, over SSH otherwise. */
import type { Duplex } from 'node:stream'
import { EngineError, messageOf } from '../../vm/api/errors.ts'
import type { Forward } from '../../vm/api/slipway.ts'
import { withDeadline } from '../../vm/api/with-deadline.ts'
import type { Dial } from '../machine/dial.ts'
import type { Target } from './bind.ts'
import type { Relay, RelayOptions } from './datagram-relay.ts'
import type { Path, PathTarget } from './qemu-path.ts'
import { openStreamRelay } from './udp-relay.ts'

const DIAL_TIMEOUT_MS = 30_000
/** A path under suspicion is looked at this often at most: a container that does not listen yet resets every client. */
const SUSPECT_MS = 5_000

/** Opens the fast way to an address inside the VM; 'unavailable' where there is none. */
export type OpenPath = (target: PathTarget) => Promise<Path>

export interface Ways {
  dial: Dial
  /** The engine's socket inside the VM, for the UDP relay. */
  enginePath: string
  openPath?: OpenPath | undefined
  log: (message: string) => void
}

/** Shared by the listeners of one forward; they ask it anew for each connection, so it can change under them. */
export class Destination {
  readonly #ways: Ways
  #forward: Forward
  #path: Path | undefined
  #failure: string | undefined
  /** It failed where SSH got through: only after it has shown that it works is it used again. */
  #distrusted = false
  #suspectedAt = 0
  #closed = false

  constructor(forward: Forward, ways: Ways) {
    this.#forward = forward
    this.#ways = ways
  }

  get forward(): Forward {
    return this.#forward
  }

  /** Why the last connection could not be led on. */
  get failure(): string | undefined {
    return this.#failure
  }

  /** The same way, described anew: real port and addresses, for instance. */
  describe(forward: Forward): void {
    this.#forward = forward
  }

  /** What a listener leads its clients to. */
  get target(): Target {
    return {
      connect: ({ signal }) => this.#connect(signal),
      relay: (options) => this.#relay(options),
      onFailure: (error) => {
        this.#failure = messageOf(error)
      },
    }
  }

  /** Looks for the fast path; without one SSH carries the data as well, only slower. */
  async findPath(): Promise<void> {
    const path = await this.#openPath()
    if (!path) return
    this.#path = path
    if (this.#closed) await this.close()
  }

  async #openPath(): Promise<Path | undefined> {
    const { protocol, containerIp, via } = this.#forward
    // QEMU takes what the VM sends from a forwarded UDP port of its own for replies, whoever they are meant for.
    const isFit = !containerIp.includes(':') && (protocol === 'tcp' || !via)
    if (!this.#ways.openPath || !isFit) return undefined
    try {
      return await this.#ways.openPath({ protocol, ...addressOf(this.#forward) })
    } catch (error) {
      if (!(error instanceof EngineError)) throw error
      return undefined
    }
  }

  /** Leads new connections where `next` does; those that are open go on. `next` is used up. */
  async take(next: Destination): Promise<void> {
    const path = this.#path
    this.#forward = next.#forward
    this.#path = next.#path
    this.#distrusted = false
    next.#path = undefined
    await closePath(path)
  }

  /** Whether the fast path still exists; one that does not, or that was given up, is made again. */
  async verify(): Promise<void> {
    const path = this.#path
    if (this.#distrusted) return await this.#rebuild(path, 'another try')
    if (!path || (await path.exists())) return
    await this.#rebuild(path, 'its forward in QEMU is gone')
  }

  async close(): Promise<void> {
    this.#closed = true
    const path = this.#path
    this.#path = undefined
    await closePath(path)
  }

  async #connect(signal: AbortSignal): Promise<Duplex> {
    const path = this.#path
    if (path) {
      try {
        const stream = await path.connect({ signal })
        // Ended by the other side without a word: that can be the container's doing, or the path's.
        const judge = () => {
          if (stream.bytesRead === 0 && !signal.aborted) void this.#suspect(path)
        }
        this.#failure = undefined
        stream.once('error', judge).once('end', judge)
        return stream
      } catch (error) {
        if (signal.aborted) throw error
        // Refused, not merely busy: nothing listens there any more.
        if (isRefused(error)) void this.#suspect(path)
      }
    }
    const stream = await this.#overSsh(signal)
    this.#failure = undefined
    return stream
  }

  async #relay(options: RelayOptions): Promise<Relay> {
    const path = this.#path
    const { dial, enginePath } = this.#ways
    if (!path) return await openStreamRelay(dial, enginePath, this.#forward, options)
    const onEnd = (error?: unknown) => {
      options.onEnd(error)
      void this.verify().catch((failure: unknown) => this.#ways.log(`udp: ${messageOf(failure)}`))
    }
    return path.relay({ ...options, onEnd })
  }

  #overSsh(signal: AbortSignal): Promise<Duplex> {
    const deadline = withDeadline(DIAL_TIMEOUT_MS, signal)
    return this.#ways.dial(addressOf(this.#forward), { signal: deadline, class: 'bulk' })
  }

  /** The path failed a client. If it is gone, or SSH gets through where the path does not, it is made again. */
  async #suspect(path: Path): Promise<void> {
    if (Date.now() - this.#suspectedAt < SUSPECT_MS) return
    this.#suspectedAt = Date.now()
    try {
      if (!(await path.exists())) return await this.#rebuild(path, 'its forward in QEMU is gone')
      if (await this.#isWorse(path)) {
        this.#distrusted = true
        await this.#rebuild(path, 'it passes nothing on')
      }
    } catch (error) {
      this.#ways.log(`published port ${this.#forward.hostPort}: ${messageOf(error)}`)
    }
  }

  /** Whether SSH gets through where the path does not. */
  async #isWorse(path: Path): Promise<boolean> {
    const [ssh, own] = await Promise.all([
      holds((signal) => this.#overSsh(signal)),
      holds((signal) => path.connect({ signal })),
    ])
    return ssh && !own
  }

  /** A new path in the place of `path`; clients go over SSH until it is there, and stay there when it is no better. */
  async #rebuild(path: Path | undefined, why: string): Promise<void> {
    const before = this.#forward
    if (this.#path !== path || this.#closed) return
    this.#path = undefined
    await closePath(path)
    const next = await this.#openPath()
    const works = next !== undefined && !(this.#distrusted && (await this.#isWorse(next)))
    // Meanwhile it may lead somewhere else, by a path of its own.
    if (!works || this.#path || this.#closed || !sameDestination(before, this.#forward)) {
      await closePath(next)
    } else {
      this.#path = next
      this.#distrusted = false
    }
    if (why === 'another try' && !works) return
    const { hostPort, containerIp, containerPort } = before
    const way = works ? 'rebuilt' : 'lost, SSH carries the data'
    this.#ways.log(`published port ${hostPort} → ${containerIp}:${containerPort}: path ${way} (${why})`)
  }
}

/** Where a connection goes inside the VM. */
export function addressOf({ via, hostPort, containerIp, containerPort }: Forward): {
  host: string
  port: number
} {
  return via ? { host: via.ip, port: via.port || hostPort } : { host: containerIp, port: containerPort }
}

export function sameDestination(a: Forward, b: Forward): boolean {
  const [one, two] = [addressOf(a), addressOf(b)]
  return one.host === two.host && one.port === two.port
}

/** A forward whose VM is gone has nothing left to be removed from. */
async function closePath(path: Path | undefined): Promise<void> {
  try {
    await path?.close()
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
  }
}

const HOLD_MS = 1_000

/** Whether a connection stays open for a moment or brings data: one that leads nowhere is closed at once. */
async function holds(connect: (signal: AbortSignal) => Promise<Duplex>): Promise<boolean> {
  try {
    const stream = await connect(AbortSignal.timeout(DIAL_TIMEOUT_MS))
    return await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(true), HOLD_MS)
      stream.on('error', () => stream.destroy())
      stream.once('data', () => resolve(true))
      stream.once('end', () => resolve(false))
      stream.once('close', () => {
        clearTimeout(timer)
        resolve(false)
      })
    }).finally(() => stream.destroy())
  } catch {
    return false
  }
}

function isRefused(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    (error.code === 'ECONNREFUSED' || error.code === 'ECONNRESET')
  )
}

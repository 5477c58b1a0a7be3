/** One UDP address of the host: its datagrams go into the VM over one relay, each client being a flow of its own. */
import { randomBytes } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import type { OpenRelay, Relay, RelayOptions } from './datagram-relay.ts'
import type { Listener } from './tcp-listener.ts'

/** More clients than this at a time: the ones silent for longest are forgotten. */
const MAX_FLOWS = 4096
/** How long a datagram to ourselves may take, sent this many times. */
const PROBE_MS = 1_500
const PROBES = 3
const WILDCARDS: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

interface Client {
  address: string
  port: number
}

/** Binds; rejects with the system's error. */
export async function listenUdp(options: {
  address: string
  port: number
  relay: OpenRelay
  onFailure: (error: unknown) => void
}): Promise<Listener> {
  const v6 = options.address.includes(':')
  const socket = createSocket({ type: v6 ? 'udp6' : 'udp4', ipv6Only: v6 })
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.bind({ address: options.address, port: options.port, exclusive: true }, () => {
      socket.off('error', reject)
      resolve()
    })
  })
  return new UdpListener(socket, options.relay, options.onFailure)
}

class UdpListener implements Listener {
  readonly port: number
  readonly #socket: Socket
  readonly #open: OpenRelay
  readonly #onFailure: (error: unknown) => void
  readonly #abort = new AbortController()
  readonly #flows = new Map<string, number>()
  readonly #clients = new Map<number, Client>()
  readonly #probes = new Map<string, () => void>()
  #sequence = 0
  #relay: Relay | undefined
  #opening: Promise<void> | undefined

  constructor(socket: Socket, open: OpenRelay, onFailure: (error: unknown) => void) {
    this.#socket = socket
    this.#open = open
    this.#onFailure = onFailure
    this.port = socket.address().port
    socket.on('error', onFailure)
    socket.on('message', (data, from) => void this.#receive(data, from))
  }

  get connections(): number {
    return this.#clients.size
  }

  /** A datagram of our own that has to come in; it is led nowhere. */
  async accepts(): Promise<boolean> {
    if (this.#abort.signal.aborted) return false
    const token = randomBytes(16)
    const key = token.toString('latin1')
    const { address, port, family } = this.#socket.address()
    const probe = createSocket(family === 'IPv6' ? 'udp6' : 'udp4')
    probe.on('error', () => undefined)
    const timers: NodeJS.Timeout[] = []
    try {
      return await new Promise<boolean>((resolve) => {
        this.#probes.set(key, () => resolve(true))
        for (let i = 0; i < PROBES; i++) {
          const send = () => probe.send(token, port, WILDCARDS[address] ?? address)
          timers.push(setTimeout(send, (PROBE_MS / PROBES) * i))
        }
        timers.push(setTimeout(() => resolve(false), PROBE_MS))
      })
    } finally {
      for (const timer of timers) clearTimeout(timer)
      // One that was sent twice comes in twice.
      setTimeout(() => this.#probes.delete(key), PROBE_MS).unref()
      probe.close()
    }
  }

  /** Now, not with the first datagram: its sender would send again before a new SSH connection is there. */
  retarget(): void {
    this.#relay?.destroy()
    this.#relay = undefined
    this.#opening = this.#connect()
  }

  async #receive(data: Buffer, from: Client): Promise<void> {
    const probed = this.#probes.size > 0 && this.#probes.get(data.toString('latin1'))
    if (probed) return probed()
    const flow = this.#flowOf(from)
    if (!this.#relay) {
      this.#opening ??= this.#connect()
      await this.#opening
    }
    this.#relay?.send(flow, data)
  }

  #flowOf(from: Client): number {
    const key = `${from.address}/${from.port}`
    const known = this.#flows.get(key)
    const flow = known ?? ++this.#sequence
    // Re-inserted, so that the order of the map is the order of use.
    this.#flows.delete(key)
    this.#flows.set(key, flow)
    if (known === undefined) this.#clients.set(flow, { address: from.address, port: from.port })
    if (this.#flows.size > MAX_FLOWS) {
      const [oldest] = this.#flows
      if (oldest) {
        this.#flows.delete(oldest[0])
        this.#clients.delete(oldest[1])
      }
    }
    return flow
  }

  /** Must be kept as `#opening`; overtaken by another one it comes to nothing. */
  #connect(): Promise<void> {
    let relay: Relay | undefined
    let ended = false
    const options: RelayOptions = {
      signal: this.#abort.signal,
      deliver: (flow, data) => this.#deliver(flow, data),
      onEnd: (error) => {
        ended = true
        if (relay && this.#relay === relay) this.#relay = undefined
        if (error) this.#onFailure(error)
      },
    }
    const opening: Promise<void> = this.#open(options).then(
      (made) => {
        if (this.#opening !== opening) return made.destroy()
        this.#opening = undefined
        relay = made
        if (!ended) this.#relay = made
      },
      (error: unknown) => {
        if (this.#opening === opening) this.#opening = undefined
        if (!this.#abort.signal.aborted) this.#onFailure(error)
      },
    )
    return opening
  }

  #deliver(flow: number, data: Uint8Array): void {
    const client = this.#clients.get(flow)
    if (client && !this.#abort.signal.aborted) this.#socket.send(data, client.port, client.address)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort()
    this.#opening = undefined
    this.#relay?.destroy()
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()))
  }
}

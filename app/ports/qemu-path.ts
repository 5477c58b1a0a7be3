/**
 * The fast way into the VM: QEMU's own user-network forward (slirp `hostfwd`), made and removed through its monitor.
 * Measured without acceleration it carries three to five times what an SSH channel does, because nothing is encrypted
 * twice. It ends on a loopback port that only we lead to; the address the user asked for is bound by us, which keeps
 * IPv6, bind addresses and error texts in our hands. Where it cannot be had, connections go over SSH as before.
 */
import { createSocket } from 'node:dgram'
import { connect, createServer, type Socket } from 'node:net'
import { EngineError } from '../../vm/api/errors.ts'
import type { Protocol } from '../../vm/api/slipway.ts'
import type { Relay, RelayOptions } from './datagram-relay.ts'
import { openLocalRelay } from './local-relay.ts'

/** Runs a QMP command. */
export type Monitor = (command: string, args: Readonly<Record<string, unknown>>) => Promise<unknown>

export interface PathTarget {
  protocol: Protocol
  host: string
  port: number
}

/** An open forward; of TCP it gives connections, of UDP relays. */
export interface Path {
  connect(options: { signal: AbortSignal }): Promise<Socket>
  relay(options: RelayOptions): Relay
  /** Whether QEMU still has it and listens; no container notices. 'unavailable' when QEMU cannot be asked. */
  exists(): Promise<boolean>
  close(): Promise<void>
}

const NETDEV = 'net'
const LOCAL = '127.0.0.1'
const TRIES = 5
/** QEMU's listener has a backlog of one: a burst that it does not take in this time goes over SSH instead. */
const CONNECT_MS = 400
/** Many forwards are checked with one look. */
const LIST_MS = 500

export class QemuPaths {
  readonly #monitor: Monitor
  #listed: { at: number; text: Promise<string> } | undefined

  constructor(monitor: Monitor) {
    this.#monitor = monitor
  }

  /** Leads to an address inside the VM or of one of its containers (the VM answers ARP for them). IPv4 only. */
  async open({ protocol, host, port }: PathTarget): Promise<Path> {
    let failure = ''
    for (let i = 0; i < TRIES; i++) {
      const local = await bindable(protocol, 0)
      failure = await this.#run(`hostfwd_add ${NETDEV} ${protocol}:${LOCAL}:${local}-${host}:${port}`)
      if (failure === '') {
        this.#listed = undefined
        return this.#path(protocol, local)
      }
    }
    throw new EngineError('unavailable', `qemu: ${failure}`)
  }

  /** Removes what an earlier app left in this VM; everything but the way to `keep` (sshd). */
  async clear(keep: { host: string; port: number }): Promise<void> {
    const text = await this.#run('info usernet')
    for (const { protocol, local, host, port } of parseForwards(text)) {
      if (host === keep.host && port === keep.port) continue
      await this.#run(`hostfwd_remove ${NETDEV} ${protocol}:${LOCAL}:${local}`)
    }
  }

  #path(protocol: Protocol, port: number): Path {
    return {
      connect: (options) => connectLocal(port, options.signal),
      relay: (options) => openLocalRelay(LOCAL, port, options),
      exists: async () => {
        const forwards = parseForwards(await this.#list())
        const isListed = forwards.some((forward) => forward.protocol === protocol && forward.local === port)
        return isListed && !(await isFree(protocol, port))
      },
      close: async () => {
        await this.#run(`hostfwd_remove ${NETDEV} ${protocol}:${LOCAL}:${port}`)
      },
    }
  }

  #list(): Promise<string> {
    if (!this.#listed || Date.now() - this.#listed.at > LIST_MS) {
      this.#listed = { at: Date.now(), text: this.#run('info usernet') }
    }
    return this.#listed.text
  }

  async #run(line: string): Promise<string> {
    return String(await this.#monitor('human-monitor-command', { 'command-line': line })).trim()
  }
}

/** Forwards in the answer of `info usernet`. Pure. */
export function parseForwards(text: string): (PathTarget & { local: number })[] {
  const row =
    /(?<protocol>TCP|UDP)\[HOST_FORWARD\]\s+\d+\s+\S+\s+(?<local>\d+)\s+(?<host>[\d.]+)\s+(?<port>\d+)/g
  return [...text.matchAll(row)].map(({ groups }) => ({
    protocol: groups?.['protocol'] === 'UDP' ? 'udp' : 'tcp',
    local: Number(groups?.['local']),
    host: groups?.['host'] ?? '',
    port: Number(groups?.['port']),
  }))
}

function connectLocal(port: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: LOCAL, port, allowHalfOpen: true, noDelay: true })
    const fail = (error: Error) => {
      finish()
      socket.destroy()
      reject(error)
    }
    const abort = () => fail(new EngineError('cancelled', 'cancelled'))
    const timer = setTimeout(
      () => fail(new EngineError('unavailable', 'qemu does not take the connection')),
      CONNECT_MS,
    )
    const finish = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
      socket.off('error', fail)
    }
    signal.addEventListener('abort', abort, { once: true })
    socket.once('error', fail)
    socket.once('connect', () => {
      finish()
      resolve(socket)
    })
  })
}

/** A port that could be bound: the given one, or any for 0. Rejects with EADDRINUSE when somebody has it. */
async function bindable(protocol: Protocol, port: number): Promise<number> {
  if (protocol === 'udp') {
    const socket = createSocket('udp4')
    await new Promise<void>((resolve, reject) => socket.once('error', reject).bind(port, LOCAL, resolve))
    const { port: bound } = socket.address()
    await new Promise<void>((resolve) => socket.close(resolve))
    return bound
  }
  const server = createServer()
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, LOCAL, resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}

/** Whether nobody listens: to connect would reach into the VM. */
async function isFree(protocol: Protocol, port: number): Promise<boolean> {
  return await bindable(protocol, port).then(
    () => true,
    () => false,
  )
}

/**
 * The fast way into the VM: QEMU's own user-network forward (slirp `hostfwd`), made and removed through its monitor.
 * Measured without acceleration it carries three to five times what an SSH channel does, because nothing is encrypted
 * twice. It ends on a loopback port that only we lead to; the address the user asked for is bound by us, which keeps
 * IPv6, bind addresses and error texts in our hands. Where it cannot be had, connections go over SSH as before.
 */
import { connect, createServer, type Socket } from 'node:net'
import { EngineError } from '../../vm/api/errors.ts'

/** Runs a QMP command. */
export type Monitor = (command: string, args: Readonly<Record<string, unknown>>) => Promise<unknown>

/** An open forward. */
export interface Path {
  connect(options: { signal: AbortSignal }): Promise<Socket>
  /** Whether QEMU still has it. 'unavailable' when QEMU cannot be asked. */
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

  /** Leads to a TCP address inside the VM or of one of its containers (the VM answers ARP for them). IPv4 only. */
  async open(target: { host: string; port: number }): Promise<Path> {
    let failure = ''
    for (let i = 0; i < TRIES; i++) {
      const port = await freePort()
      failure = await this.#run(`hostfwd_add ${NETDEV} tcp:${LOCAL}:${port}-${target.host}:${target.port}`)
      if (failure === '') {
        this.#listed = undefined
        return this.#path(port)
      }
    }
    throw new EngineError('unavailable', `qemu: ${failure}`)
  }

  /** Removes what an earlier app left in this VM; everything but the way to `keep` (sshd). */
  async clear(keep: { host: string; port: number }): Promise<void> {
    const text = await this.#run('info usernet')
    for (const { local, host, port } of parseForwards(text)) {
      if (host === keep.host && port === keep.port) continue
      await this.#run(`hostfwd_remove ${NETDEV} tcp:${LOCAL}:${local}`)
    }
  }

  #path(port: number): Path {
    return {
      connect: (options) => connectLocal(port, options.signal),
      exists: async () => {
        const ports = parseForwards(await this.#list())
        return ports.some(({ local }) => local === port)
      },
      close: async () => {
        await this.#run(`hostfwd_remove ${NETDEV} tcp:${LOCAL}:${port}`)
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

/** TCP forwards in the answer of `info usernet`. Pure. */
export function parseForwards(text: string): { local: number; host: string; port: number }[] {
  const row = /TCP\[HOST_FORWARD\]\s+\d+\s+\S+\s+(?<local>\d+)\s+(?<host>[\d.]+)\s+(?<port>\d+)/g
  return [...text.matchAll(row)].map(({ groups }) => ({
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

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, LOCAL, resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}

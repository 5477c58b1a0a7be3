/**
 * The embedded resolver at 127.0.0.11 of containers on user-defined networks: sockets inside each container's own
 * namespace, answered by the agent from its tables; everything else is forwarded as it came. In the agent and not in a
 * server of its own because software has 127.0.0.11 written into its configuration (nginx's `resolver`), because names
 * are there the moment a container is attached, and because it costs neither a process nor a reload.
 */
import { createSocket, type Socket } from 'node:dgram'
import { createServer, type Server, type Socket as TcpSocket } from 'node:net'
import { EngineError } from '../../api/errors.ts'
import { bindInNamespace, NetlinkSocket } from '../linux/netlink.ts'
import { redirectDns } from '../linux/nfnetlink.ts'
import { type Address, addressBytes, parseAddress } from './address.ts'
import { forwardTcp, forwardUdp } from './dns-forward.ts'
import {
  answer,
  encodeName,
  parseQuestion,
  type Question,
  RecordType,
  ResponseCode,
  refusal,
  reverseAddress,
} from './dns-message.ts'
import { lookup, type NameSource, reverseLookup } from './names.ts'
import type { SandboxRecord } from './record.ts'
import { RESOLVER_ADDRESS } from './resolv-conf.ts'

const TTL_S = 600
const TABLE = 'slipway-dns'
const MAX_TCP_QUERIES = 64

interface Serving {
  udp: Socket
  tcp: Server
}

export class Resolver {
  readonly #names: NameSource
  readonly #upstream: () => readonly string[]
  readonly #serving = new Map<string, Serving>()
  readonly #log: (message: string) => void

  constructor(options: {
    names: NameSource
    upstream: () => readonly string[]
    log: (message: string) => void
  }) {
    this.#names = options.names
    this.#upstream = options.upstream
    this.#log = options.log
  }

  /**
   * Serves a container; answers the ports inside it. With `sandbox.dns` (after a restart of the agent) the same ports
   * are taken again, which the rules in the container's namespace still point to.
   */
  async serve(sandbox: SandboxRecord): Promise<{ udp: number; tcp: number }> {
    const known = sandbox.dns
    if (this.#serving.has(sandbox.containerId) && known) return known
    const address = Buffer.from(RESOLVER_ADDRESS.split('.').map(Number))
    const sockets = bindInNamespace(sandbox.netns, address, known ?? { udp: 0, tcp: 0 })
    const serving = { udp: createSocket('udp4'), tcp: createServer() }
    this.#serving.set(sandbox.containerId, serving)
    serving.udp.on('message', (query, from) => {
      void this.#answer(sandbox, query, 'udp').then((reply) => {
        if (reply && this.#serving.get(sandbox.containerId) === serving) {
          serving.udp.send(reply, from.port, from.address)
        }
      })
    })
    serving.udp.on('error', (error) => this.#log(`resolver of ${sandbox.containerName}: ${error.message}`))
    serving.tcp.on('error', (error) => this.#log(`resolver of ${sandbox.containerName}: ${error.message}`))
    serving.tcp.on('connection', (socket) => this.#converse(sandbox, socket))
    await Promise.all([
      new Promise<void>((resolve) => serving.udp.bind({ fd: sockets.udp.fd }, resolve)),
      new Promise<void>((resolve) => serving.tcp.listen({ fd: sockets.tcp.fd }, resolve)),
    ])
    const ports = { udp: sockets.udp.port, tcp: sockets.tcp.port }
    if (!known) {
      using netfilter = new NetlinkSocket('netfilter', sandbox.netns)
      netfilter.request(...redirectDns(TABLE, address, ports))
    }
    return ports
  }

  /** Closes a container's sockets; they would keep its namespace alive. */
  stop(containerId: string): void {
    const serving = this.#serving.get(containerId)
    if (!serving) return
    this.#serving.delete(containerId)
    serving.udp.close()
    serving.tcp.close()
  }

  [Symbol.dispose](): void {
    for (const id of [...this.#serving.keys()]) this.stop(id)
  }

  async #answer(
    sandbox: SandboxRecord,
    query: Buffer,
    transport: 'udp' | 'tcp',
  ): Promise<Buffer | undefined> {
    const question = parseQuestion(query)
    if (question) {
      const own = this.#ownAnswer(sandbox, query, question)
      if (own) return own
    }
    const servers = sandbox.dnsServers.length > 0 ? sandbox.dnsServers : this.#upstream()
    const isOutside = sandbox.endpoints.some(
      ({ networkId }) => this.#names.catalog.byId(networkId)?.internal === false,
    )
    const forward = transport === 'udp' ? forwardUdp : forwardTcp
    for (const server of isOutside ? servers : []) {
      try {
        return await forward(query, server)
      } catch (error) {
        if (!(error instanceof EngineError)) throw error
      }
    }
    return question && refusal(query, question, ResponseCode.ServerFailure)
  }

  #ownAnswer(sandbox: SandboxRecord, query: Buffer, question: Question): Buffer | undefined {
    if (question.type === RecordType.PTR) {
      const asked = reverseAddress(question.name)
      const address = asked && toAddress(asked)
      const name = address && reverseLookup(this.#names, sandbox, address)
      if (!name) return undefined
      return answer(query, question, [{ type: RecordType.PTR, data: encodeName(name) }], TTL_S)
    }
    const addresses = lookup(this.#names, sandbox, question.name)
    if (!addresses) return undefined
    const family = question.type === RecordType.A ? 4 : question.type === RecordType.AAAA ? 6 : undefined
    const records = addresses
      .filter((address) => address.family === family)
      .map((address) => ({ type: question.type, data: addressBytes(address) }))
    return answer(query, question, rotate(records), TTL_S)
  }

  /** DNS over TCP: each message has its length in front. */
  #converse(sandbox: SandboxRecord, socket: TcpSocket): void {
    let pending: Buffer = Buffer.alloc(0)
    let queries = 0
    socket.setTimeout(10_000, () => socket.destroy())
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk) => {
      pending = Buffer.concat([pending, chunk])
      while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
        const length = pending.readUInt16BE(0)
        const query = Buffer.from(pending.subarray(2, 2 + length))
        pending = pending.subarray(2 + length)
        if (++queries > MAX_TCP_QUERIES) return socket.destroy()
        void this.#answer(sandbox, query, 'tcp').then((reply) => {
          if (!reply || socket.destroyed) return socket.destroy()
          const size = Buffer.alloc(2)
          size.writeUInt16BE(reply.length)
          return socket.write(Buffer.concat([size, reply]))
        })
      }
    })
  }
}

/** Several containers of one name share the load. */
function rotate<T>(records: T[]): T[] {
  const start = Math.floor(Math.random() * records.length)
  return [...records.slice(start), ...records.slice(0, start)]
}

function toAddress(asked: { family: 4; text: string } | { family: 6; hex: string }): Address | undefined {
  return asked.family === 4 ? parseAddress(asked.text) : { family: 6, value: BigInt(`0x${asked.hex}`) }
}

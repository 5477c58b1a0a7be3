/**
 * The door to the kernel's networking: netlink sockets (netlink(7)) and sockets inside other network namespaces
 * (setns(2)), over node:ffi. Every call is synchronous and short: the kernel answers netlink requests while they are
 * being sent. A process spawn in a guest without acceleration costs a hundred times more.
 */
import { closeSync, openSync } from 'node:fs'
import { EngineError } from '../../api/errors.ts'
import { errnoError, errnoName } from './errno.ts'
import { type Libc, openLibc } from './ffi.ts'
import {
  decodeError,
  decodeMessages,
  encodeMessage,
  type Message,
  NLMSG_DONE,
  NLMSG_ERROR,
  NlmFlag,
  type Reply,
} from './netlink-message.ts'

export type NetlinkProtocol = 'route' | 'netfilter'

const AF_NETLINK = 16
const AF_INET = 2
const SOCK_STREAM = 1
const SOCK_DGRAM = 2
const SOCK_RAW = 3
const SOCK_CLOEXEC = 0x80000
const SOCK_NONBLOCK = 0x800
const SOL_NETLINK = 270
const NETLINK_CAP_ACK = 10
const NETLINK_EXT_ACK = 11
const SOL_SOCKET = 1
const SO_REUSEADDR = 2
const SO_RCVTIMEO = 20
const CLONE_NEWNET = 0x40000000
const RECEIVE_TIMEOUT_S = 10

let opened: Libc | undefined

function libc(): Libc {
  opened ??= openLibc()
  return opened
}

/** A netlink socket; belongs for ever to the network namespace it was opened in. */
export class NetlinkSocket implements Disposable {
  readonly #fd: number
  #sequence = 1

  /** Opens the socket in the namespace of the agent, or in that of `netns` (a path such as /proc/1/ns/net). */
  constructor(protocol: NetlinkProtocol, netns?: string) {
    const number = protocol === 'route' ? 0 : 12
    const open = () => libc().must('socket', 'netlink', AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, number)
    this.#fd = netns === undefined ? open() : inNamespace(netns, open)
    const on = Buffer.from([1, 0, 0, 0])
    libc().must('setsockopt', 'netlink', this.#fd, SOL_NETLINK, NETLINK_CAP_ACK, on, 4)
    libc().must('setsockopt', 'netlink', this.#fd, SOL_NETLINK, NETLINK_EXT_ACK, on, 4)
    const timeout = Buffer.alloc(16)
    timeout.writeUInt32LE(RECEIVE_TIMEOUT_S)
    libc().must('setsockopt', 'netlink', this.#fd, SOL_SOCKET, SO_RCVTIMEO, timeout, 16)
  }

  /**
   * Sends the messages in one datagram and waits for every acknowledgement. Answers what the kernel sent beside them.
   * The first failure throws EngineError with `details.errno`; of plain rtnetlink messages the later ones are still
   * executed, an nf_tables batch is executed wholly or not at all.
   */
  request(...messages: Message[]): Reply[] {
    const waiting = new Map<number, Message>()
    const parts = messages.map((message) => {
      const sequence = this.#sequence++
      if (message.flags & (NlmFlag.ACK | NlmFlag.DUMP)) waiting.set(sequence, message)
      return encodeMessage(message, sequence)
    })
    const datagram = Buffer.concat(parts)
    libc().must('send', 'netlink', this.#fd, datagram, BigInt(datagram.length), 0)
    return this.#receive(waiting)
  }

  #receive(waiting: Map<number, Message>): Reply[] {
    const answers: Reply[] = []
    let failure: EngineError | undefined
    const buffer = Buffer.alloc(65536)
    while (waiting.size > 0) {
      const length = libc().must('recv', 'netlink', this.#fd, buffer, BigInt(buffer.length), 0)
      for (const reply of decodeMessages(Buffer.from(buffer.subarray(0, length)))) {
        const message = waiting.get(reply.sequence)
        if (reply.type === NLMSG_DONE) waiting.delete(reply.sequence)
        else if (reply.type !== NLMSG_ERROR) answers.push(reply)
        else {
          waiting.delete(reply.sequence)
          const error = decodeError(reply.payload)
          if (error.errno !== 0) {
            failure ??= failed(message?.subject ?? 'netlink batch', error.errno, error.text)
            // A batch that failed as a whole acknowledges nothing else.
            if (!message) return raise(failure)
          }
        }
      }
    }
    return failure ? raise(failure) : answers
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd)
  }
}

function raise(error: EngineError): never {
  throw error
}

/**
 * Runs `action` with the calling thread inside another network namespace. `action` must be synchronous: everything that
 * happens on this thread in between happens in there.
 */
export function inNamespace<T>(netns: string, action: () => T): T {
  const home = openSync('/proc/self/ns/net', 'r')
  try {
    const target = openSync(netns, 'r')
    try {
      libc().must('setns', netns, target, CLONE_NEWNET)
    } finally {
      closeSync(target)
    }
    try {
      return action()
    } finally {
      // An agent that stays in a container's network would do all further work in there.
      if (libc().attempt('setns', home, CLONE_NEWNET) < 0) process.abort()
    }
  } finally {
    closeSync(home)
  }
}

/** Opens UDP and TCP sockets bound to `address` inside `netns`; port 0 takes free ones. The caller owns the descriptors. */
export function bindInNamespace(
  netns: string,
  address: Uint8Array,
  ports: { udp: number; tcp: number },
): { udp: { fd: number; port: number }; tcp: { fd: number; port: number } } {
  return inNamespace(netns, () => {
    const udp = bound(SOCK_DGRAM, address, ports.udp)
    try {
      return { udp, tcp: bound(SOCK_STREAM, address, ports.tcp) }
    } catch (error) {
      closeSync(udp.fd)
      throw error
    }
  })
}

function bound(type: number, address: Uint8Array, port: number): { fd: number; port: number } {
  const fd = libc().must('socket', 'AF_INET', AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)
  try {
    const name = Buffer.alloc(16)
    name.writeUInt16LE(AF_INET, 0)
    name.writeUInt16BE(port, 2)
    name.set(address, 4)
    if (type === SOCK_STREAM) {
      libc().must('setsockopt', 'SO_REUSEADDR', fd, SOL_SOCKET, SO_REUSEADDR, Buffer.from([1, 0, 0, 0]), 4)
    }
    libc().must('bind', `port ${port}`, fd, name, name.length)
    const length = Buffer.from([16, 0, 0, 0])
    libc().must('getsockname', 'socket', fd, name, length)
    return { fd, port: name.readUInt16BE(2) }
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

/** The name of the error number that a failed call carries: `EEXIST`. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof EngineError)) return undefined
  const errno = error.details?.['errno']
  return typeof errno === 'string' ? errno : undefined
}

/** The failure of a netlink request; the kernel's own words, where it has any, are kept. */
function failed(subject: string, errno: number, text: string | undefined): EngineError {
  const error = errnoError('netlink', subject, errno)
  if (text === undefined) return error
  return new EngineError(error.kind, `${subject}: ${text} (${errnoName(errno)})`, {
    details: error.details ?? {},
  })
}

/** Passing a DNS message on to a server and its answer back, untouched. */
import { createSocket } from 'node:dgram'
import { connect, isIPv6 } from 'node:net'
import { EngineError } from '../../api/errors.ts'

const TIMEOUT_MS = 4_000

/** 'unavailable' when the server does not answer in time. */
export function forwardUdp(query: Buffer, server: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // One socket per query: its random source port is half of what makes answers hard to forge.
    const socket = createSocket(isIPv6(server) ? 'udp6' : 'udp4')
    const finish = (action: () => void) => {
      clearTimeout(timer)
      socket.close()
      action()
    }
    const timer = setTimeout(() => finish(() => reject(unanswered(server))), TIMEOUT_MS)
    socket.on('error', (cause) => finish(() => reject(unanswered(server, cause))))
    socket.on('message', (reply) => {
      if (reply.length >= 2 && reply.readUInt16BE(0) === query.readUInt16BE(0)) finish(() => resolve(reply))
    })
    socket.connect(53, server, () => socket.send(query))
  })
}

/** The same over TCP, where answers may be longer. */
export function forwardTcp(query: Buffer, server: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect(53, server)
    let reply: Buffer = Buffer.alloc(0)
    const fail = (cause?: unknown) => {
      socket.destroy()
      reject(unanswered(server, cause))
    }
    socket.setTimeout(TIMEOUT_MS, () => fail())
    socket.on('error', fail)
    socket.on('end', () => fail())
    socket.on('connect', () => {
      const length = Buffer.alloc(2)
      length.writeUInt16BE(query.length)
      socket.write(Buffer.concat([length, query]))
    })
    socket.on('data', (chunk) => {
      reply = Buffer.concat([reply, chunk])
      if (reply.length < 2 || reply.length < 2 + reply.readUInt16BE(0)) return
      socket.destroy()
      resolve(reply.subarray(2, 2 + reply.readUInt16BE(0)))
    })
  })
}

function unanswered(server: string, cause?: unknown): EngineError {
  return new EngineError('unavailable', `name server ${server}: no answer`, { cause })
}

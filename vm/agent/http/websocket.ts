import { Duplex } from 'node:stream'
import { EngineError } from '../../api/errors.ts'
import type { Context } from './router.ts'

/**
 * The server's half of a websocket as a byte stream (attach/ws). Without a TTY the frames of the multiplexed stream
 * are unwrapped: a websocket client reads plain output.
 */
export async function acceptWebSocket(ctx: Context, tty: boolean): Promise<Duplex> {
  if (ctx.request.headers.upgrade?.toLowerCase() !== 'websocket') {
    throw new EngineError('invalid_argument', 'not a websocket handshake')
  }
  const { WebSocketServer, createWebSocketStream } = await import('ws')
  const { stream, head } = ctx.takeUpgrade()
  const server = new WebSocketServer({ noServer: true, clientTracking: false })
  const socket = await new Promise<Duplex>((resolve) => {
    server.handleUpgrade(ctx.request, stream, head, (ws) => resolve(createWebSocketStream(ws)))
  })
  return tty ? socket : unframed(socket)
}

/** Strips the 8-byte headers from what is written. */
function unframed(socket: Duplex): Duplex {
  let rest: Buffer = Buffer.alloc(0)
  const outer = new Duplex({
    read: () => void socket.resume(),
    write: (chunk: Buffer, _encoding, done) => {
      rest = Buffer.concat([rest, chunk])
      const payloads: Buffer[] = []
      while (rest.length >= 8 && rest.length >= 8 + rest.readUInt32BE(4)) {
        const end = 8 + rest.readUInt32BE(4)
        payloads.push(rest.subarray(8, end))
        rest = rest.subarray(end)
      }
      socket.write(Buffer.concat(payloads), () => done())
    },
    final: (done) => void socket.end(() => done()),
    destroy: (error, done) => {
      socket.destroy()
      done(error)
    },
  })
  socket.on('data', (chunk) => {
    if (!outer.push(chunk)) socket.pause()
  })
  socket.on('end', () => outer.push(null))
  socket.on('close', () => outer.destroy())
  socket.on('error', () => outer.destroy())
  return outer
}

/** The guest's end of a published UDP port: datagrams framed on a stream ↔ one socket per client of the host. */
import { createSocket, type Socket } from 'node:dgram'
import type { Duplex } from 'node:stream'
import { DatagramDecoder, encodeDatagram } from '../../api/datagrams.ts'
import { messageOf } from '../../api/errors.ts'

/** A silent client's socket is closed after this time, as NAT does. */
const IDLE_MS = 120_000
const MAX_FLOWS = 4096
/** Replies are dropped, as networks do, when the stream has this much unsent. */
const MAX_UNSENT = 1 << 20

interface Flow {
  socket: Socket
  timer: NodeJS.Timeout
}

/** Relays until the stream ends. */
export function relayUdp(
  stream: Duplex,
  target: { host: string; port: number },
  log: (message: string) => void = () => undefined,
): Promise<void> {
  const flows = new Map<number, Flow>()
  const close = (id: number) => {
    const flow = flows.get(id)
    if (!flow) return
    flows.delete(id)
    clearTimeout(flow.timer)
    flow.socket.close()
  }
  const open = (id: number): Flow => {
    if (flows.size >= MAX_FLOWS) close([...flows.keys()][0] ?? id)
    const socket = createSocket(target.host.includes(':') ? 'udp6' : 'udp4')
    const flow = { socket, timer: setTimeout(() => close(id), IDLE_MS) }
    flows.set(id, flow)
    socket.on('message', (data) => {
      flow.timer.refresh()
      if (stream.writableLength < MAX_UNSENT) stream.write(encodeDatagram({ flow: id, data }))
    })
    // Nobody listens in the container, or it is gone: to a datagram's sender that is silence.
    socket.on('error', (error) => log(`udp relay to ${target.host}:${target.port}: ${error.message}`))
    return flow
  }
  const decoder = new DatagramDecoder()
  stream.on('data', (chunk: Buffer) => {
    try {
      for (const { flow: id, data } of decoder.push(chunk)) {
        const flow = flows.get(id) ?? open(id)
        flow.timer.refresh()
        flow.socket.send(data, target.port, target.host)
      }
    } catch (error) {
      log(`udp relay: ${messageOf(error)}`)
      stream.destroy()
    }
  })
  return new Promise((resolve) => {
    stream.on('error', () => stream.destroy())
    stream.on('end', () => stream.destroy())
    stream.once('close', () => {
      for (const id of [...flows.keys()]) close(id)
      resolve()
    })
  })
}

/** Datagrams to a loopback port, QEMU's own forward: one socket per client, so that replies find their way back. */
import { createSocket, type Socket } from 'node:dgram'
import type { Relay, RelayOptions } from './datagram-relay.ts'

/** A silent client's socket is closed after this time, as NAT does. */
const IDLE_MS = 120_000
const MAX_FLOWS = 1024

interface Flow {
  socket: Socket
  timer: NodeJS.Timeout
}

export function openLocalRelay(host: string, port: number, options: RelayOptions): Relay {
  const flows = new Map<number, Flow>()
  const close = (id: number) => {
    const flow = flows.get(id)
    if (!flow) return
    flows.delete(id)
    clearTimeout(flow.timer)
    flow.socket.close()
  }
  const destroy = () => {
    for (const id of [...flows.keys()]) close(id)
  }
  const open = (id: number): Flow => {
    const [oldest] = flows.keys()
    if (flows.size >= MAX_FLOWS && oldest !== undefined) close(oldest)
    const socket = createSocket('udp4')
    const flow = { socket, timer: setTimeout(() => close(id), IDLE_MS).unref() }
    flows.set(id, flow)
    socket.on('message', (data) => {
      flow.timer.refresh()
      options.deliver(id, data)
    })
    socket.on('error', (error) => {
      // Nobody has the port any more.
      destroy()
      options.onEnd(error)
    })
    // What is sent before waits for it. Connected, it hears of a port that is gone.
    socket.connect(port, host)
    return flow
  }
  return {
    send(id, data) {
      const flow = flows.get(id) ?? open(id)
      flow.timer.refresh()
      sendConnected(flow.socket, data)
    },
    destroy,
  }
}

function sendConnected(socket: Socket, data: Uint8Array): void {
  const send = () => socket.send(data, () => undefined)
  try {
    socket.remoteAddress()
    send()
  } catch {
    socket.once('connect', send)
  }
}

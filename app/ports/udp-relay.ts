/** SSH carries no UDP: datagrams travel framed over a stream to the engine, which sends them on inside the VM. */
import { DatagramDecoder, encodeDatagram } from '../../vm/api/datagrams.ts'
import type { Forward } from '../../vm/api/slipway.ts'
import type { Dial } from '../machine/dial.ts'
import type { Relay, RelayOptions } from './datagram-relay.ts'
import { openUpgrade } from './upgrade.ts'

/** Datagrams are dropped when the stream has this much unsent. */
const MAX_UNSENT = 1 << 20

export async function openStreamRelay(
  dial: Dial,
  socketPath: string,
  forward: Forward,
  options: RelayOptions,
): Promise<Relay> {
  const { via, hostPort, containerIp, containerPort } = forward
  const host = via ? via.ip : containerIp
  const port = via ? via.port || hostPort : containerPort
  const query = new URLSearchParams({ host, port: String(port) })
  const target = { socketPath, path: `/slipway/udp?${query}`, protocol: 'slipway-udp' }
  const stream = await openUpgrade(dial, target, { signal: options.signal, class: 'bulk' })
  const decoder = new DatagramDecoder()
  let failure: unknown
  stream.on('data', (chunk: Buffer) => {
    try {
      for (const { flow, data } of decoder.push(chunk)) options.deliver(flow, data)
    } catch (error) {
      stream.destroy(error instanceof Error ? error : undefined)
    }
  })
  stream.on('error', (error) => {
    failure = error
  })
  stream.once('close', () => options.onEnd(failure))
  return {
    send: (flow, data) => {
      if (stream.writableLength < MAX_UNSENT) stream.write(encodeDatagram({ flow, data }))
    },
    destroy: () => void stream.destroy(),
  }
}

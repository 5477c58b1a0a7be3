/** SSH carries no UDP: datagrams travel framed over a stream to the engine, which sends them on inside the VM. */
import type { Duplex } from 'node:stream'
import type { Forward } from '../../vm/api/slipway.ts'
import type { Dial } from '../machine/dial.ts'
import { openUpgrade } from './upgrade.ts'

export function openRelay(
  dial: Dial,
  socketPath: string,
  forward: Forward,
  options: { signal: AbortSignal },
): Promise<Duplex> {
  const { via, hostPort, containerIp, containerPort } = forward
  const host = via ? via.ip : containerIp
  const port = via ? via.port || hostPort : containerPort
  const query = new URLSearchParams({ host, port: String(port) })
  const target = { socketPath, path: `/slipway/udp?${query}`, protocol: 'slipway-udp' }
  return openUpgrade(dial, target, { ...options, class: 'bulk' })
}

/** Opening one of the engine's `/slipway` streams: an HTTP upgrade on a dialled connection. */
import { request } from 'node:http'
import type { Duplex } from 'node:stream'
import { EngineError } from '../../vm/api/errors.ts'
import type { Dial, DialOptions } from '../machine/dial.ts'

/** The stream after the engine's 101; 'unavailable' when it answers anything else or ends. */
export async function openUpgrade(
  dial: Dial,
  target: { socketPath: string; path: string; protocol: string },
  options: DialOptions & { signal: AbortSignal },
): Promise<Duplex> {
  const connection = await dial({ path: target.socketPath }, options)
  return await new Promise<Duplex>((resolve, reject) => {
    const fail = (message: string, cause?: unknown) => {
      connection.destroy()
      reject(new EngineError('unavailable', `${target.path}: ${message}`, { cause }))
    }
    const outgoing = request({
      method: 'POST',
      path: target.path,
      host: 'slipway',
      headers: { Connection: 'Upgrade', Upgrade: target.protocol, 'Content-Length': 0 },
      createConnection: () => connection,
      signal: options.signal,
    })
    outgoing.once('upgrade', (_response, socket, head) => {
      if (head.length > 0) socket.unshift(head)
      resolve(socket)
    })
    outgoing.once('response', (response) => fail(`the engine answered ${response.statusCode}`))
    outgoing.once('error', (error) => fail(error.message, error))
    outgoing.end()
  })
}

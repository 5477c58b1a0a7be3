import { once } from 'node:events'
import { createServer } from 'node:net'

/** Whether 127.0.0.1:`port` can be bound at this moment. */
export async function isFree(port: number): Promise<boolean> {
  return (await tryBind(port)) !== undefined
}

/** A port of 127.0.0.1 that is free at this moment; `preferred` when that is. */
export async function freePort(preferred: number | undefined): Promise<number> {
  const kept = preferred === undefined ? undefined : await tryBind(preferred)
  const port = kept ?? (await tryBind(0))
  if (port === undefined) throw new Error('no free port on 127.0.0.1')
  return port
}

async function tryBind(port: number): Promise<number | undefined> {
  const server = createServer()
  server.listen({ host: '127.0.0.1', port, exclusive: true })
  try {
    await once(server, 'listening')
  } catch {
    // Taken, or not allowed: either way not for us.
    return undefined
  }
  const address = server.address()
  server.close()
  await once(server, 'close')
  return address !== null && typeof address === 'object' ? address.port : undefined
}

/** One listening TCP address of the host whose connections lead into the VM. */
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { isLoopback } from './address.ts'

/** Opens the far end of one connection. */
export type Connect = (options: { signal: AbortSignal }) => Promise<Duplex>

export interface ListenOptions {
  address: string
  /** 0: any free port. */
  port: number
  connect: Connect
  /** Accept only what came in through a loopback address, for systems that bind low ports on wildcards only. */
  loopbackOnly?: boolean
  /** A connection that could not be led on. */
  onFailure?: (error: unknown) => void
}

/** A bound listener. */
export interface Listener extends AsyncDisposable {
  readonly port: number
  readonly connections: number
  /** Whether the system still hands it connections; nothing is led on for that. */
  accepts(): Promise<boolean>
  /** What it leads to has changed: what is kept open between clients is opened anew. */
  retarget(): void
}

const PROBE_MS = 10_000

/** Binds; rejects with the system's error (`code` EADDRINUSE, EACCES, …). */
export function listenTcp(options: ListenOptions): Promise<Listener> {
  const sockets = new Set<Socket>()
  const probes = new Set<Probe>()
  // Half-open: a client that has said everything still waits for its answer.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    if (options.loopbackOnly && !isLoopback(socket.localAddress ?? '')) return socket.resetAndDestroy()
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    if (probes.size === 0) return void lead(socket, options)
    return void isProbe(socket, probes).then((own) => (own ? void socket.destroy() : lead(socket, options)))
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(
      { host: options.address, port: options.port, ipv6Only: options.address.includes(':') },
      () => {
        server.off('error', reject)
        server.on('error', (error) => options.onFailure?.(error))
        resolve(listenerOf(server, sockets, options.address, probes))
      },
    )
  })
}

function listenerOf(server: Server, sockets: Set<Socket>, host: string, probes: Set<Probe>): Listener {
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  return {
    port,
    get connections() {
      return sockets.size
    },
    accepts: () => probe(host, port, probes),
    retarget: () => undefined,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

/** A connection of ours to our own listener: its local port, once known. */
type Probe = Promise<number | undefined>

async function probe(host: string, port: number, probes: Set<Probe>): Promise<boolean> {
  const socket = connect({ host: WILDCARDS[host] ?? host, port, timeout: PROBE_MS })
  const connected: Probe = new Promise((resolve) => {
    socket.once('connect', () => resolve(socket.localPort))
    socket.once('timeout', () => socket.destroy())
    socket.once('error', () => socket.destroy())
    socket.once('close', () => resolve(undefined))
  })
  const accepted = new Promise<boolean>((resolve) => {
    socket.once('end', () => resolve(true))
    socket.once('close', () => resolve(false))
  })
  socket.resume()
  probes.add(connected)
  try {
    return await accepted
  } finally {
    probes.delete(connected)
    socket.destroy()
  }
}

const WILDCARDS: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

async function isProbe(socket: Socket, probes: ReadonlySet<Probe>): Promise<boolean> {
  const ports = await Promise.all(probes)
  return socket.remotePort !== undefined && ports.includes(socket.remotePort)
}

async function lead(socket: Socket, options: ListenOptions): Promise<void> {
  const abort = new AbortController()
  // Errors surface as 'close'; without a listener they would end the app.
  socket.on('error', () => abort.abort())
  socket.once('close', () => abort.abort())
  let far: Duplex
  try {
    far = await options.connect({ signal: abort.signal })
  } catch (error) {
    if (!abort.signal.aborted) options.onFailure?.(error)
    socket.resetAndDestroy()
    return
  }
  if (socket.destroyed) {
    far.destroy()
    return
  }
  join(socket, far)
}

/** Couples two streams: each end is passed on as an end, each break as a break, and a slow reader slows its writer. */
export function join(socket: Socket, far: Duplex): void {
  far.on('error', () => socket.resetAndDestroy())
  far.once('close', () => {
    if (far.readableEnded) socket.destroySoon()
    else socket.resetAndDestroy()
  })
  socket.once('close', () => far.destroy())
  socket.pipe(far)
  far.pipe(socket)
}

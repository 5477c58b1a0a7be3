import { createServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { ENGINE_SOCKET } from '../../vm/api/version.ts'
import type { Dial } from '../machine/dial.ts'
import { listenLocal } from './local-socket.ts'

export interface DockerSocketOptions {
  readonly path: string
  readonly dial: Dial
  readonly log: (message: string, details?: Readonly<Record<string, unknown>>) => void
}

/**
 * The engine's socket on the host: every connection is one stream to the engine, with half-close both ways (docker's CLI
 * ends its half when stdin ends and still wants the output). While closed, nothing listens and the file is gone, so
 * that clients say that the daemon is not running rather than that it hung up.
 */
export class DockerSocket implements AsyncDisposable {
  readonly #options: DockerSocketOptions
  readonly #connections = new Set<Socket>()
  #server: Server | undefined
  #opening: Promise<void> | undefined

  constructor(options: DockerSocketOptions) {
    this.#options = options
  }

  /** Listens; does nothing when it does already. Fails with 'conflict' when another process answers on the path. */
  async open(): Promise<void> {
    if (this.#server?.listening) return
    this.#opening ??= this.#listen().finally(() => {
      this.#opening = undefined
    })
    await this.#opening
  }

  /** Stops listening and drops the connections that are left. */
  async close(): Promise<void> {
    await this.#opening?.catch(() => undefined)
    const server = this.#server
    this.#server = undefined
    for (const connection of this.#connections) connection.destroy()
    if (server) await new Promise<void>((resolve) => server.close(() => resolve()))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #listen(): Promise<void> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (local) => {
      void this.#serve(local)
    })
    await listenLocal(server, this.#options.path)
    this.#server = server
  }

  async #serve(local: Socket): Promise<void> {
    this.#connections.add(local)
    const gone = new AbortController()
    local.once('close', () => {
      this.#connections.delete(local)
      gone.abort()
    })
    local.on('error', () => local.destroy())
    try {
      const remote = await this.#options.dial({ path: ENGINE_SOCKET }, { signal: gone.signal })
      if (local.destroyed) remote.destroy()
      else join(local, remote)
    } catch (error) {
      if (!gone.signal.aborted)
        this.#options.log('docker socket: no stream to the engine', { error: String(error) })
      local.destroy()
    }
  }
}

/** Pipes both ways: the end of one side ends only that direction, a break of one side destroys the other. */
export function join(local: Duplex, remote: Duplex): void {
  local.pipe(remote)
  remote.pipe(local)
  local.once('close', () => remote.destroy())
  remote.once('close', () => {
    if (!remote.readableEnded) local.destroy()
  })
  remote.on('error', () => local.destroy())
}

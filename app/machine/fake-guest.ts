import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import ssh2, { type Connection, type Server } from 'ssh2'
import { EngineError } from '../../vm/api/errors.ts'
import type { MachineKeys } from './keys.ts'

type Serve = (stream: Duplex) => void

export interface FakeGuestOptions {
  readonly port?: number
  readonly keys: MachineKeys
  /** Who answers at a unix path or `host:port`; undefined refuses. */
  readonly serve: (target: string) => Serve | undefined
  /** Runs a command: its output and exit code. */
  readonly exec?: (command: string) => { output: string; code: number }
  /** Runs a command that talks: it has the whole channel. Preferred where there is one for the command. */
  readonly talk?: (
    command: string,
    hasTerminal: boolean,
  ) => ((channel: ssh2.ServerChannel) => void) | undefined
}

/** A guest's sshd for tests, in this process: the same rules as the real one's, on the same library's server half. */
export class FakeGuest implements AsyncDisposable {
  readonly #server: Server
  readonly #options: FakeGuestOptions
  readonly connections = new Set<Connection>()
  /** Refuses to listen on unix sockets for its clients. */
  refusesSockets = false
  readonly #listeners = new Map<string, Connection>()
  /** How many clients ever got in. */
  admitted = 0

  constructor(options: FakeGuestOptions) {
    this.#options = options
    this.#server = new ssh2.Server({ hostKeys: [options.keys.host.private] }, (client) => this.#admit(client))
  }

  static async start(options: FakeGuestOptions): Promise<FakeGuest> {
    const guest = new FakeGuest(options)
    guest.#server.listen(options.port ?? 0, '127.0.0.1')
    await once(guest.#server, 'listening')
    return guest
  }

  get port(): number {
    const address = this.#server.address()
    if (address === null || typeof address !== 'object') throw new EngineError('internal', 'not listening')
    return address.port
  }

  /** Drops every connection as a dying sshd does, without a word. */
  cut(): void {
    for (const client of this.connections) (client as unknown as { _sock: Duplex })._sock.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  #admit(client: Connection): void {
    this.connections.add(client)
    const { keys, serve } = this.#options
    client.on('error', () => undefined)
    client.on('close', () => this.connections.delete(client))
    client.on('authentication', (request) => {
      const known =
        request.method === 'publickey' &&
        request.key.data.toString('base64') === keys.client.public.split(' ')[1]
      if (known) request.accept()
      else request.reject()
    })
    client.on('ready', () => {
      this.admitted += 1
      client.on('tcpip', (accept, reject, info) => {
        const found = serve(`${info.destIP}:${info.destPort}`)
        if (found) found(accept())
        else reject()
      })
      // Its types lack this one.
      const streamlocal = client as unknown as {
        on(
          name: string,
          listener: (accept: () => Duplex, reject: () => void, info: { socketPath: string }) => void,
        ): void
      }
      streamlocal.on('openssh.streamlocal', (accept, reject, info) => {
        const found = serve(info.socketPath)
        if (found) found(accept())
        else reject()
      })
      client.on('session', (accept) => this.#session(accept()))
      const requests = client as unknown as {
        on(
          event: 'request',
          listener: (
            accept: (() => void) | undefined,
            reject: (() => void) | undefined,
            name: string,
            info: { socketPath: string },
          ) => void,
        ): void
      }
      requests.on('request', (accept, reject, name, { socketPath }) => {
        if (name !== 'streamlocal-forward@openssh.com' || this.refusesSockets) return reject?.()
        this.#listeners.set(socketPath, client)
        accept?.()
      })
    })
  }

  /** Connects to a socket that a client has us listen on, as a program in the guest does. */
  connectTo(path: string): Promise<Duplex> {
    const client = this.#listeners.get(path)
    if (!client || !this.connections.has(client))
      throw new EngineError('unavailable', `${path}: nobody listens`)
    return new Promise((resolve, reject) => {
      client.openssh_forwardOutStreamLocal(path, (error, channel) =>
        error ? reject(error) : resolve(channel),
      )
    })
  }

  #session(session: ssh2.Session): void {
    let size = ''
    session.on('pty', (accept, _reject, info) => {
      size = `${info.rows}x${info.cols}`
      accept()
    })
    session.on('window-change', (accept, _reject, info) => {
      size = `${info.rows}x${info.cols}`
      accept?.()
    })
    session.on('shell', (accept) => {
      const stream = accept()
      stream.on('data', (line: Buffer) => {
        if (String(line) === 'exit\n') {
          stream.exit(0)
          stream.end()
        } else stream.write(`${size}\n`)
      })
    })
    session.on('exec', (accept, _reject, { command }) => {
      const stream = accept()
      const talk = this.#options.talk?.(command, size !== '')
      if (talk) return talk(stream)
      const { output, code } = this.#options.exec?.(command) ?? { output: '', code: 127 }
      stream.write(output)
      stream.exit(code)
      stream.end()
    })
  }
}

/** For tests: a client of its own, ssh2's, before the server of shared folders, in one process. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import type { Duplex } from 'node:stream'
import { promisify } from 'node:util'
import ssh2, { type Client, type Server, type SFTPWrapper } from 'ssh2'
import { makeKeyPair } from '../machine/keys.ts'

export interface SftpClient extends AsyncDisposable {
  readonly raw: SFTPWrapper
  /** A request with its answer: `call('mkdir', '/a')`. Rejects with ssh2's error, whose `code` is the status. */
  call(name: string, ...args: unknown[]): Promise<unknown>
}

/** `serve` is given the byte stream that a subsystem `sftp` speaks on. */
export async function connectSftp(serve: (stream: Duplex) => void): Promise<SftpClient> {
  const server: Server = new ssh2.Server({ hostKeys: [makeKeyPair('test').private] }, (connection) => {
    connection.on('error', () => undefined)
    connection.on('authentication', (request) => request.accept())
    connection.on('session', (accept) => {
      accept().on('subsystem', (open) => serve(open()))
    })
  })
  const listener = createServer({ noDelay: true }, (socket) => server.injectSocket(socket))
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  const client: Client = new ssh2.Client()
  client.on('error', () => undefined)
  client.connect({
    sock: connect({ host: '127.0.0.1', port, noDelay: true }),
    username: 'root',
    password: '',
  })
  await once(client, 'ready')
  const raw = await promisify(client.sftp.bind(client))()
  const methods = raw as unknown as Record<string, (...args: unknown[]) => void>
  return {
    raw,
    call: (name, ...args) =>
      new Promise((resolve, reject) => {
        methods[name]?.call(raw, ...args, (error: Error | undefined, value: unknown) =>
          error ? reject(error) : resolve(value),
        )
      }),
    async [Symbol.asyncDispose]() {
      client.destroy()
      await new Promise((resolve) => listener.close(resolve))
    },
  }
}

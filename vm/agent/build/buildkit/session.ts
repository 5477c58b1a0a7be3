/** What a client offers for the time of its builds: folders, credentials, secrets, its ssh agent, places for results. */
import { mkdir } from 'node:fs/promises'
import { createServer } from 'node:net'
import { EngineError, type ErrorKind, kindOf } from '../../../api/errors.ts'
import type { RegistryAuth } from '../../../api/images.ts'
import type { ContextIndex } from '../kept-contexts.ts'
import { FileReceiver } from './file-receiver.ts'
import { sendFiles } from './file-sender.ts'
import type { GrpcClient, Metadata } from './grpc-client.ts'
import {
  BytesMessage,
  CheckAgentRequest,
  CheckAgentResponse,
  CredentialsRequest,
  CredentialsResponse,
  GetSecretRequest,
  GetSecretResponse,
} from './session-messages.ts'

const CHUNK = 64 * 1024
interface Cancel {
  signal?: AbortSignal
}

export class Session {
  readonly #client: GrpcClient
  readonly #methods: ReadonlySet<string>

  /** The same for each session of a client about the same folder; empty: the client has not said. */
  readonly sharedKey: string

  /** `methods`: what the client said that it offers. */
  constructor(client: GrpcClient, methods: Iterable<string>, sharedKey = '') {
    this.#client = client
    this.sharedKey = sharedKey
    this.#methods = new Set([...methods].map((method) => method.toLowerCase()))
  }

  /** Fires when the client is gone. */
  get closed(): AbortSignal {
    return this.#client.closed
  }

  /** The client's folder of this name into `destination`, which is made. */
  async receive(
    request: {
      name: string
      exclude?: readonly string[]
      follow?: readonly string[]
      destination: string
      /** What came of it before. */
      former?: { root: string; files: ContextIndex } | undefined
    },
    options: Cancel & { onBytes?: (total: number) => void },
  ): Promise<{ files: ContextIndex; size: number }> {
    const path = '/moby.filesync.v1.FileSync/DiffCopy'
    if (!this.#offers(path)) throw new EngineError('invalid_argument', 'no local sources enabled')
    await mkdir(request.destination, { recursive: true, mode: 0o755 })
    const metadata = encoded({
      'dir-name': [request.name],
      'exclude-patterns': request.exclude ?? [],
      followpaths: request.follow ?? [],
    })
    const call = this.#client.call(path, metadata, options)
    const { destination, former } = request
    return new FileReceiver(destination, call, options.onBytes ?? (() => undefined), former).run()
  }

  /** A tar that the client has on its standard input. */
  async *uploaded(id: string, options: Cancel): AsyncIterable<Uint8Array> {
    const call = this.#client.call('/moby.upload.v1.Upload/Pull', { urlpath: id }, options)
    for await (const bytes of call.messages) yield BytesMessage.decode(bytes).data
  }

  /** What is below `root` into the folder that the client has named for the exporter of this number. */
  async sendFolder(
    exporter: number,
    root: string,
    options: Cancel & { onBytes: (total: number) => void },
  ): Promise<void> {
    await sendFiles(root, this.#sending(exporter, options), options.onBytes)
  }

  /** A file for the client. */
  async sendFile(
    exporter: number,
    content: AsyncIterable<Uint8Array>,
    options: Cancel & { onBytes: (total: number) => void },
  ): Promise<void> {
    const call = this.#sending(exporter, options)
    let total = 0
    for await (const chunk of content) {
      for (let at = 0; at < chunk.length; at += CHUNK)
        await call.send(BytesMessage.encode({ data: chunk.subarray(at, at + CHUNK) }))
      total += chunk.length
      options.onBytes(total)
    }
    call.end()
    for await (const _answer of call.messages);
  }

  /** What the client knows of a registry (`docker.io`). */
  async credentials(registry: string, options: Cancel): Promise<RegistryAuth | undefined> {
    const Host = registry === 'docker.io' ? 'registry-1.docker.io' : registry
    const types = { request: CredentialsRequest, answer: CredentialsResponse }
    const answer = await this.#client
      .unary('/moby.filesync.v1.Auth/Credentials', types, { Host }, options)
      .catch(undefinedFor('not_implemented'))
    if (!answer || answer.Secret === '') return undefined
    const { Username, Secret } = answer
    return Username === '' ? { identitytoken: Secret } : { username: Username, password: Secret }
  }

  /** The bytes of a secret; undefined: the client has none of that name. */
  async secret(ID: string, options: Cancel): Promise<Uint8Array | undefined> {
    const types = { request: GetSecretRequest, answer: GetSecretResponse }
    const answer = await this.#client
      .unary('/moby.buildkit.secrets.v1.Secrets/GetSecret', types, { ID }, options)
      .catch(undefinedFor('not_implemented', 'not_found'))
    return answer?.data
  }

  /** A socket at `path` that leads to the client's ssh agent; undefined: it forwards none of that name. */
  async agent(id: string, path: string, options: Cancel): Promise<AsyncDisposable | undefined> {
    const check = '/moby.sshforward.v1.SSH/CheckAgent'
    if (!this.#offers(check)) return undefined
    const types = { request: CheckAgentRequest, answer: CheckAgentResponse }
    const known = await this.#client.unary(check, types, { ID: id }, options).catch(() => undefined)
    if (!known) return undefined
    const server = createServer({ allowHalfOpen: true }, async (socket) => {
      try {
        const call = this.#client.call(
          '/moby.sshforward.v1.SSH/ForwardAgent',
          { 'buildkit.ssh.id': id },
          options,
        )
        socket.on(
          'data',
          (data) => void call.send(BytesMessage.encode({ data })).catch(() => socket.destroy()),
        )
        socket.on('end', () => call.end())
        for await (const bytes of call.messages) socket.write(BytesMessage.decode(bytes).data)
        socket.end()
      } catch {
        // The program that asked sees its agent hang up, as it would without us.
        socket.destroy()
      }
    })
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve))
    return { [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())) }
  }

  #sending(exporter: number, options: Cancel) {
    const path = '/moby.filesync.v1.FileSend/DiffCopy'
    if (!this.#offers(path)) throw new EngineError('invalid_argument', 'the client takes no files of a build')
    return this.#client.call(path, { 'buildkit-attachable-exporter-id': String(exporter) }, options)
  }

  #offers(method: string): boolean {
    return this.#methods.has(method.toLowerCase())
  }
}

/** Clients that do not offer a service, or have no such thing in it. */
function undefinedFor(...kinds: ErrorKind[]) {
  return (error: unknown): undefined => {
    if (!kinds.includes(kindOf(error))) throw error
  }
}

/** Header values are ASCII: others are escaped and said to be. Empty lists are left out. */
function encoded(metadata: Readonly<Record<string, readonly string[]>>): Metadata {
  const result: Record<string, string[]> = {}
  for (const [name, values] of Object.entries(metadata)) {
    if (values.length === 0) continue
    const plain = values.every((value) => /^[\x20-\x7e]*$/.test(value))
    result[name] = plain
      ? [...values]
      : values.map((value) => encodeURIComponent(value).replaceAll('%20', '+'))
    if (!plain) result[`${name}-encoded`] = ['1']
  }
  return result
}

import type { Duplex } from 'node:stream'
import type { Client } from 'ssh2'
import { EngineError, messageOf } from '../../vm/api/errors.ts'
import { ChannelStream } from './channel-stream.ts'
import { SshLink, type SshSession, type SshTarget } from './ssh-link.ts'

export interface SshListenerOptions {
  readonly target: SshTarget
  readonly log: (message: string, details?: Readonly<Record<string, unknown>>) => void
  /** Of the unix socket in the guest: it is replaced if it is there, and root's alone. */
  readonly path: string
  /** Called with every connection to that socket; the stream is its to end. */
  readonly onStream: (stream: Duplex) => void
}

/**
 * Has the guest's sshd listen on a unix socket for the host, over a connection of its own, so that what is moved there
 * delays nothing else. A lost connection is made again, and the socket with it, until this is disposed.
 */
export class SshListener implements AsyncDisposable {
  readonly #options: SshListenerOptions
  readonly #link: SshLink
  readonly #dispose = new AbortController()
  readonly #running: Promise<void>
  #attempt = makeAttempt()

  constructor(options: SshListenerOptions) {
    this.#options = options
    this.#link = new SshLink({ target: options.target, log: options.log, eager: true })
    this.#running = this.#run()
  }

  /** Resolves once the socket is listened on; rejects with 'unavailable' when this attempt at it fails. */
  get listening(): Promise<void> {
    return this.#attempt.made
  }

  /** Gives up the present connection, which looks dead, for a new one. */
  drop(): void {
    this.#link.drop()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#dispose.abort()
    await this.#link[Symbol.asyncDispose]()
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#dispose
    while (!signal.aborted) {
      // Fails when this is disposed only; what the connection cannot is tried again on the next one.
      const session = await this.#link.session(signal).catch(() => undefined)
      if (!session) break
      try {
        await this.#listen(session)
        this.#attempt.done()
      } catch (error) {
        this.#attempt.failed(error)
        this.#options.log('ssh: cannot listen', { error: messageOf(error) })
        this.#link.drop()
      }
      await session.lost
      this.#attempt = makeAttempt()
    }
    this.#attempt.failed(new EngineError('unavailable', 'the virtual machine is not running'))
  }

  async #listen({ client, isLost, lost }: SshSession): Promise<void> {
    const { path, onStream } = this.#options
    client.on('unix connection', (_details, accept) => onStream(new ChannelStream(accept(), isLost)))
    await Promise.race([forward(client, path), lost.then(() => Promise.reject(lostBefore(path)))])
  }
}

interface Attempt {
  readonly made: Promise<void>
  readonly done: () => void
  readonly failed: (error: unknown) => void
}

function makeAttempt(): Attempt {
  let done: () => void = () => undefined
  let failed: (error: unknown) => void = () => undefined
  const made = new Promise<void>((resolve, reject) => {
    done = resolve
    failed = reject
  })
  // Whoever asks is told; nobody has to.
  made.catch(() => undefined)
  return { made, done, failed }
}

function forward(client: Client, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    client.openssh_forwardInStreamLocal(path, (error) => {
      if (error) reject(new EngineError('unavailable', `${path}: ${messageOf(error)}`, { cause: error }))
      else resolve()
    })
  })
}

function lostBefore(path: string): EngineError {
  return new EngineError('unavailable', `${path}: the connection to the virtual machine was lost`)
}

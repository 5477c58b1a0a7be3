import { connect as connectSocket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import ssh2, { type Client } from 'ssh2'
import { EngineError, messageOf } from '../../vm/api/errors.ts'
import { saidError } from '../sayings.ts'
import { lostConnection } from './channel-stream.ts'
import { isPinned, type MachineKeys } from './keys.ts'

export interface SshTarget {
  /** On the host's 127.0.0.1. */
  readonly port: number
  readonly keys: MachineKeys
}

/** One established connection. */
export interface SshSession {
  readonly client: Client
  /** True from the moment its socket is gone, before its channels are told. */
  readonly isLost: () => boolean
  /** Resolves when it is gone. */
  readonly lost: Promise<void>
}

export interface SshLinkOptions {
  readonly target: SshTarget
  readonly log: (message: string, details?: Readonly<Record<string, unknown>>) => void
  readonly onChange?: (connected: boolean) => void
  /** Reconnect at once when the connection is lost; otherwise only when somebody needs it. */
  readonly eager: boolean
}

const FIRST_PAUSE_MS = 100
const LAST_PAUSE_MS = 3_000
/** A connection that lived for this long was a good one: the next attempt comes at once. */
const GOOD_MS = 5_000
/** A key exchange takes seconds in a guest that is emulated on a busy machine. */
const HANDSHAKE_MS = 30_000
/** The VM's death is seen elsewhere, and sleep is followed by a check: this is for what nobody thought of. */
const KEEPALIVE_MS = 30_000
const KEEPALIVE_MISSES = 4

interface Waiter {
  resolve(session: SshSession): void
  reject(error: Error): void
}

/** One SSH connection that is made again whenever it is lost, with growing pauses, until it is disposed. */
export class SshLink implements AsyncDisposable {
  readonly #options: SshLinkOptions
  readonly #dispose = new AbortController()
  readonly #waiters = new Set<Waiter>()
  #session: SshSession | undefined
  #running: Promise<void> | undefined

  constructor(options: SshLinkOptions) {
    this.#options = options
  }

  get connected(): boolean {
    return this.#session !== undefined
  }

  /** The connection, once there is one. Fails with 'cancelled' on abort, 'unavailable' when the link is disposed. */
  session(signal?: AbortSignal): Promise<SshSession> {
    if (this.#dispose.signal.aborted) return Promise.reject(notRunning())
    if (this.#session) return Promise.resolve(this.#session)
    return new Promise((resolve, reject) => {
      const abort = () =>
        waiter.reject(new EngineError('cancelled', 'connecting to the virtual machine: cancelled'))
      const settle = () => {
        this.#waiters.delete(waiter)
        signal?.removeEventListener('abort', abort)
      }
      const waiter: Waiter = {
        resolve: (session) => {
          settle()
          resolve(session)
        },
        reject: (error) => {
          settle()
          reject(error)
        },
      }
      this.#waiters.add(waiter)
      if (signal?.aborted) abort()
      else {
        signal?.addEventListener('abort', abort, { once: true })
        this.#wake()
      }
    })
  }

  #wake(): void {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
      // Somebody may have come while it was ending.
      if (this.#waiters.size > 0) this.#wake()
    })
  }

  /** Gives up the present connection, which looks dead, for a new one. */
  drop(): void {
    this.#session?.client.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#dispose.abort()
    for (const waiter of [...this.#waiters]) waiter.reject(notRunning())
    this.drop()
    await this.#running
  }

  async #run(): Promise<void> {
    let pause = 0
    while (!this.#dispose.signal.aborted && (this.#options.eager || this.#waiters.size > 0)) {
      const started = Date.now()
      try {
        const session = await connect(this.#options.target, this.#dispose.signal)
        this.#use(session)
        await session.lost
        this.#unuse()
        if (Date.now() - started > GOOD_MS) pause = 0
      } catch (error) {
        if (this.#dispose.signal.aborted) return
        this.#options.log('ssh: cannot connect', { error: messageOf(error), nextMs: pause })
      }
      await sleep(pause, undefined, { signal: this.#dispose.signal }).catch(() => undefined)
      pause = Math.min(LAST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, pause * 2))
    }
  }

  #use(session: SshSession): void {
    this.#session = session
    for (const waiter of [...this.#waiters]) waiter.resolve(session)
    this.#options.onChange?.(true)
  }

  #unuse(): void {
    this.#session = undefined
    if (this.#dispose.signal.aborted) return
    this.#options.log('ssh: connection lost')
    this.#options.onChange?.(false)
  }
}

function notRunning(): EngineError {
  return saidError('unavailable', { code: 'vm_stopped' })
}

/** One attempt. The server must own the pinned key; nothing is asked of a user. */
function connect({ port, keys }: SshTarget, signal: AbortSignal): Promise<SshSession> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket({ host: '127.0.0.1', port, noDelay: true })
    const client = new ssh2.Client()
    let lost = false
    let onLost: () => void = () => undefined
    const whenLost = new Promise<void>((done) => {
      onLost = done
    })
    const abort = () => socket.destroy()
    signal.addEventListener('abort', abort, { once: true })
    // Before ssh2 has its own listener, so that channels which it ends find out that nobody ended them.
    socket.on('close', () => {
      lost = true
      signal.removeEventListener('abort', abort)
    })
    client.on('error', (error) => {
      socket.destroy()
      reject(error)
    })
    client.on('close', () => {
      reject(lostConnection())
      onLost()
    })
    client.on('ready', () => resolve({ client, isLost: () => lost, lost: whenLost }))
    client.connect({
      sock: socket,
      username: 'root',
      privateKey: keys.client.private,
      authHandler: ['publickey'],
      hostVerifier: (key: Buffer) => isPinned(key, keys.host.public),
      algorithms: {
        kex: ['curve25519-sha256'],
        serverHostKey: ['ssh-ed25519'],
        // Electron's BoringSSL has no ChaCha20 for Node, and ssh2 throws at a name that it does not know.
        cipher: ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com'],
        compress: ['none'],
      },
      readyTimeout: HANDSHAKE_MS,
      keepaliveInterval: KEEPALIVE_MS,
      keepaliveCountMax: KEEPALIVE_MISSES,
    })
  })
}

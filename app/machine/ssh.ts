import type { Duplex, Readable } from 'node:stream'
import type { Channel, Client } from 'ssh2'
import { EngineError, messageOf } from '../../vm/api/errors.ts'
import { ChannelStream, type CommandEnd, lostConnection } from './channel-stream.ts'
import type { Dial, DialOptions, DialTarget } from './dial.ts'
import { SshLink, type SshSession, type SshTarget } from './ssh-link.ts'
import { SshListener } from './ssh-listener.ts'

/** A login shell inside the VM with a terminal of its own. Ends when the shell does; `destroy()` hangs up. */
export interface ShellSession extends Duplex {
  resize(size: { rows: number; columns: number }): void
}

/** A command in the VM: stdin and stdout, and what else `ssh` hands through. `destroy()` hangs up. */
export interface Session extends ShellSession {
  /** Must be read, or the command stops at a full pipe. Empty when there is a terminal. */
  readonly stderr: Readable
  /** Resolves when it is over; undefined when the connection was lost first. */
  readonly ended: Promise<CommandEnd | undefined>
}

export interface SessionOptions {
  /** For the guest's shell; without one a login shell runs. */
  readonly command?: string
  /** Of the terminal; without it the command has pipes. */
  readonly size?: { rows: number; columns: number }
  readonly signal?: AbortSignal
}

export interface ExecResult {
  readonly code: number | null
  readonly output: string
}

export interface SshOptions {
  readonly target: SshTarget
  readonly log: (message: string, details?: Readonly<Record<string, unknown>>) => void
  /** The control connection came (`true`) or was lost (`false`). */
  readonly onChange?: (connected: boolean) => void
}

/** Two, so that one transfer's full window does not hold up another, and the guest can encrypt on two processors. */
const BULK_LINKS = 2
const MAX_OUTPUT = 64 * 1024

type Open = (client: Client, done: (error: Error | undefined, channel: Channel) => void) => void

/** Everything that crosses into the guest: one connection for control, two (made when needed) for bulk. */
export class Ssh implements AsyncDisposable {
  readonly #options: SshOptions
  readonly #control: SshLink
  readonly #bulk: readonly SshLink[]
  readonly #listeners = new Set<SshListener>()
  #turn = 0

  constructor(options: SshOptions) {
    const { target, log, onChange } = options
    this.#options = options
    this.#control = new SshLink({ target, log, eager: true, ...(onChange ? { onChange } : {}) })
    this.#bulk = Array.from({ length: BULK_LINKS }, () => new SshLink({ target, log, eager: false }))
  }

  get connected(): boolean {
    return this.#control.connected
  }

  /** Resolves once the control connection stands; keeps it up from then on. */
  async connect({ signal }: { signal?: AbortSignal } = {}): Promise<void> {
    await this.#control.session(signal)
  }

  readonly dial: Dial = (target, options = {}) => {
    const open: Open = (client, done) => {
      if ('path' in target) client.openssh_forwardOutStreamLocal(target.path, done)
      else client.forwardOut('127.0.0.1', 0, target.host, target.port, done)
    }
    return this.#open(open, nameOf(target), options)
  }

  /** A shell or command of the guest in a terminal. */
  shell(options: SessionOptions & { size: { rows: number; columns: number } }): Promise<ShellSession> {
    return this.#session(options, false)
  }

  /** A command of the guest with its three streams and how it ended. */
  run(options: SessionOptions): Promise<Session> {
    return this.#session(options, true)
  }

  /** Runs one command in the guest to its end; what it says is cut at 64 KiB. */
  async exec(command: string, options: { signal?: AbortSignal } = {}): Promise<ExecResult> {
    const stream = await this.#session({ command, ...options }, false)
    let output = ''
    const abort = () => stream.destroy(new EngineError('cancelled', `${command}: cancelled`))
    options.signal?.addEventListener('abort', abort, { once: true })
    try {
      for await (const chunk of stream) if (output.length < MAX_OUTPUT) output += String(chunk)
    } finally {
      options.signal?.removeEventListener('abort', abort)
    }
    const end = await stream.ended
    return { code: end && 'code' in end ? end.code : null, output }
  }

  #session({ command, size, signal }: SessionOptions, keepStderr: boolean): Promise<ChannelStream> {
    const pty = size && { rows: size.rows, cols: size.columns, width: 0, height: 0, term: 'xterm-256color' }
    const open: Open = (client, done) => {
      if (command === undefined) client.shell(pty ?? false, done)
      else client.exec(command, pty ? { pty } : {}, done)
    }
    return this.#open(open, command ?? 'shell', signal ? { signal } : {}, keepStderr)
  }

  /**
   * Has the guest listen on a unix socket until this is disposed; `onStream` is given each connection to it. The answer's
   * `listening` tells when it does, and why it does not.
   */
  listen(path: string, onStream: (stream: Duplex) => void): SshListener {
    const { target, log } = this.#options
    const listener = new SshListener({ target, log, path, onStream })
    this.#listeners.add(listener)
    return listener
  }

  /** Replaces connections that look dead. */
  reconnect(): void {
    for (const link of this.#all()) link.drop()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#all().map((link) => link[Symbol.asyncDispose]()))
  }

  #all(): (SshLink | SshListener)[] {
    return [this.#control, ...this.#bulk, ...this.#listeners]
  }

  async #open(
    open: Open,
    name: string,
    { signal, class: kind }: DialOptions,
    keepStderr = false,
  ): Promise<ChannelStream> {
    const link = kind === 'bulk' ? (this.#bulk[this.#turn++ % BULK_LINKS] ?? this.#control) : this.#control
    for (;;) {
      const session = await link.session(signal)
      try {
        return await openChannel(session, open, { name, signal, keepStderr })
      } catch (error) {
        // Nothing was sent yet: the next connection may carry it as well.
        if (!session.isLost()) throw error
        await session.lost
      }
    }
  }
}

const nameOf = (target: DialTarget): string =>
  'path' in target
    ? target.path
    : `${target.host.includes(':') ? `[${target.host}]` : target.host}:${target.port}`

function openChannel(
  { client, isLost }: SshSession,
  open: Open,
  { name, signal, keepStderr }: { name: string; signal: AbortSignal | undefined; keepStderr: boolean },
): Promise<ChannelStream> {
  return new Promise((resolve, reject) => {
    const cancelled = () => new EngineError('cancelled', `${name}: cancelled`)
    const abort = () => reject(cancelled())
    if (signal?.aborted) return abort()
    signal?.addEventListener('abort', abort, { once: true })
    const done = (error: Error | undefined, channel: Channel) => {
      signal?.removeEventListener('abort', abort)
      if (error) reject(new EngineError('unavailable', `${name}: ${reasonOf(error)}`, { cause: error }))
      else if (signal?.aborted) channel.close()
      else resolve(new ChannelStream(channel, isLost, { keepStderr }))
    }
    try {
      open(client, done)
    } catch (error) {
      signal?.removeEventListener('abort', abort)
      reject(isLost() ? lostConnection() : error)
    }
  })
}

/** `(SSH) Channel open failure: Connection refused` → `Connection refused`. */
function reasonOf(error: Error): string {
  return messageOf(error).replace(/^\(SSH\) Channel open failure: /, '') || 'refused'
}

import type { Duplex } from 'node:stream'
import type { Channel, Client } from 'ssh2'
import { EngineError, messageOf } from '../../vm/api/errors.ts'
import { ChannelStream, lostConnection } from './channel-stream.ts'
import type { Dial, DialOptions, DialTarget } from './dial.ts'
import { SshLink, type SshSession, type SshTarget } from './ssh-link.ts'

/** A login shell inside the VM with a terminal of its own. Ends when the shell does; `destroy()` hangs up. */
export interface ShellSession extends Duplex {
  resize(size: { rows: number; columns: number }): void
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
  readonly #control: SshLink
  readonly #bulk: readonly SshLink[]
  #turn = 0

  constructor({ target, log, onChange }: SshOptions) {
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

  async shell({
    rows,
    columns,
    command,
    signal,
  }: {
    rows: number
    columns: number
    /** Runs in the terminal instead of the login shell. */
    command?: string
    signal?: AbortSignal
  }): Promise<ShellSession> {
    const window = { rows, cols: columns, width: 0, height: 0, term: 'xterm-256color' }
    const open: Open = (client, done) => {
      if (command === undefined) client.shell(window, done)
      else client.exec(command, { pty: window }, done)
    }
    return this.#open(open, 'shell', signal ? { signal } : {})
  }

  /** Runs one command in the guest to its end; what it says is cut at 64 KiB. */
  async exec(command: string, options: { signal?: AbortSignal } = {}): Promise<ExecResult> {
    let code: number | null = null
    const open: Open = (client, done) =>
      client.exec(command, (error, channel) => {
        channel?.on('exit', (exit: number | null) => {
          code = exit
        })
        done(error, channel)
      })
    const stream = await this.#open(open, command, options)
    let output = ''
    const abort = () => stream.destroy(new EngineError('cancelled', `${command}: cancelled`))
    options.signal?.addEventListener('abort', abort, { once: true })
    try {
      for await (const chunk of stream) if (output.length < MAX_OUTPUT) output += String(chunk)
    } finally {
      options.signal?.removeEventListener('abort', abort)
    }
    return { code, output }
  }

  /** Replaces connections that look dead. */
  reconnect(): void {
    for (const link of [this.#control, ...this.#bulk]) link.drop()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#control, ...this.#bulk].map((link) => link[Symbol.asyncDispose]()))
  }

  async #open(open: Open, name: string, { signal, class: kind }: DialOptions): Promise<ChannelStream> {
    const link = kind === 'bulk' ? (this.#bulk[this.#turn++ % BULK_LINKS] ?? this.#control) : this.#control
    for (;;) {
      const session = await link.session(signal)
      try {
        return await openChannel(session, open, name, signal)
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
  name: string,
  signal: AbortSignal | undefined,
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
      else resolve(new ChannelStream(channel, isLost))
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

import { Duplex, type Readable } from 'node:stream'
import type { Channel } from 'ssh2'
import type { EngineError } from '../../vm/api/errors.ts'
import { saidError } from '../sayings.ts'

/** How a command in the guest ended: by itself, or by a signal (`SIGKILL`). */
export type CommandEnd = { readonly code: number } | { readonly signal: string }

/**
 * An SSH channel as an ordinary Duplex that `node:http` takes for a socket. ssh2's own channel never calls back a write
 * after its end and cannot tell a peer's end of file from a lost connection; here the one fails with EPIPE and the other
 * with 'unavailable'.
 */
export class ChannelStream extends Duplex {
  readonly #channel: Channel
  readonly #isLost: () => boolean
  #closed = false
  #pending: ((error?: Error | null) => void) | undefined
  /** Of a session: what its command says apart from its output. Discarded unless it was asked for when opening. */
  readonly stderr: Readable
  /** Of a session, once its channel is closed: how its command ended; undefined when nobody lived to tell. */
  readonly ended: Promise<CommandEnd | undefined>

  constructor(channel: Channel, isLost: () => boolean, { keepStderr = false } = {}) {
    super({ allowHalfOpen: true, autoDestroy: true })
    this.#channel = channel
    this.#isLost = isLost
    channel.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) channel.pause()
    })
    channel.on('end', () => this.#onEnd())
    channel.on('close', () => this.#onClose())
    channel.on('error', (error: Error) => this.destroy(error))
    this.stderr = channel.stderr as unknown as Readable
    // Only sessions have one; read by nobody, it would hold up the channel.
    if (!keepStderr && 'resume' in this.stderr) this.stderr.resume()
    this.ended = endOf(channel)
  }

  /** Changes the size of the terminal behind a shell. */
  resize({ rows, columns }: { rows: number; columns: number }): void {
    if (!this.#closed) this.#channel.setWindow(rows, columns, 0, 0)
  }

  // What http and others call on a socket and what has no meaning here: the connection below never delays small writes.
  setNoDelay(): this {
    return this
  }
  setKeepAlive(): this {
    return this
  }
  setTimeout(): this {
    return this
  }
  ref(): this {
    return this
  }
  unref(): this {
    return this
  }

  override _read(): void {
    this.#channel.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#closed) done(brokenPipe())
    else if (this.#channel.write(chunk)) done()
    else {
      this.#pending = done
      this.#channel.once('drain', () => this.#settle())
    }
  }

  override _final(done: (error?: Error | null) => void): void {
    if (!this.#closed) this.#channel.end()
    done()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#settle(error ?? brokenPipe())
    if (!this.#closed) this.#channel.close()
    // What still arrives is read away, or the channel's window would stay shut and it would never close.
    this.#channel.resume()
    done(error)
  }

  #onEnd(): void {
    if (this.destroyed) return
    if (this.#isLost()) this.destroy(lostConnection())
    else this.push(null)
  }

  #onClose(): void {
    this.#closed = true
    if (this.destroyed) return
    if (this.#isLost()) {
      this.destroy(lostConnection())
      return
    }
    this.#settle(brokenPipe())
    if (this.readableEnded) this.destroy()
    else this.once('end', () => this.destroy())
  }

  #settle(error?: Error): void {
    const done = this.#pending
    this.#pending = undefined
    done?.(error)
  }
}

function endOf(channel: Channel): Promise<CommandEnd | undefined> {
  let end: CommandEnd | undefined
  channel.on('exit', (code: number | null, signal?: string) => {
    if (code !== null) end = { code }
    else if (signal !== undefined) end = { signal }
  })
  return new Promise((resolve) => channel.once('close', () => resolve(end)))
}

function brokenPipe(): Error {
  return Object.assign(new Error('write EPIPE: the other side has closed'), { code: 'EPIPE' })
}

export function lostConnection(): EngineError {
  return saidError('unavailable', { code: 'vm_lost' })
}

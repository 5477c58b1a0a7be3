/** The master of a pseudo-terminal as a stream. */
import { Duplex } from 'node:stream'
import { ReadStream } from 'node:tty'

/**
 * Both directions of master `fd`, which must not block; the stream owns it. Ends when the last holder of the slave is
 * gone.
 */
export function terminalStream(fd: number): Duplex {
  return new MasterStream(fd)
}

/**
 * node:tty reads and writes a master without blocking, but takes its end, EIO, for a failure. `end()` sends nothing: a
 * terminal has no half-close.
 */
class MasterStream extends Duplex {
  readonly #tty: ReadStream

  constructor(fd: number) {
    super({ allowHalfOpen: true })
    this.#tty = new ReadStream(fd)
    this.#tty.pause()
    this.#tty.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) this.#tty.pause()
    })
    this.#tty.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EIO') this.push(null)
      else this.destroy(error)
    })
    this.#tty.on('close', () => this.push(null))
  }

  override _read(): void {
    this.#tty.resume()
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    // Typing into a terminal whose program has just ended is no failure.
    this.#tty.write(chunk, (error) => done(isEnd(error) ? null : error))
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#tty.destroy()
    done(error)
  }
}

function isEnd(error: (Error & { code?: string }) | null | undefined): boolean {
  return error?.code === 'EIO' || error?.code === 'ERR_STREAM_DESTROYED'
}

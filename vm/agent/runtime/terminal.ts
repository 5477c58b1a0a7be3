/** The agent's end of a pseudo-terminal whose other end a child has. */
import { closeSync } from 'node:fs'
import { Duplex } from 'node:stream'
import { ReadStream } from 'node:tty'
import type { Kernel } from '../linux/kernel.ts'

export interface Terminal {
  readonly masterFd: number
  /** For the child's stdio; the caller closes it after the spawn. */
  readonly slaveFd: number
  /** Both directions; ends when the last holder of the slave is gone. */
  readonly stream: Duplex
}

/** Opens a pair of the given size. */
export function openTerminal(kernel: Kernel, size: { height: number; width: number } | undefined): Terminal {
  const { masterFd, slaveFd } = kernel.openPty()
  try {
    if (size) kernel.setWindowSize(masterFd, { rows: size.height, columns: size.width })
    return { masterFd, slaveFd, stream: new MasterStream(masterFd) }
  } catch (error) {
    closeSync(masterFd)
    closeSync(slaveFd)
    throw error
  }
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

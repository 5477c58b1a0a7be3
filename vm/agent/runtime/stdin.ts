/** A container's standard input: a stream into conmon's attach socket. */
import { closeSync, constants, openSync } from 'node:fs'
import { Writable } from 'node:stream'
import { EngineError } from '../../api/errors.ts'
import type { Kernel, SeqpacketSocket } from '../linux/kernel.ts'

/** conmon reads at most 32 KiB of a packet and drops the rest. */
const PACKET = 16 * 1024
const MAX_WAIT = 20

/**
 * Connects to socket `attach` of the bundle. Back-pressure: while the container does not read, the socket is full and
 * the stream's writes wait. `end()` is EOF for conmon, which closes the container's stdin if it was told to. What is
 * written after the container ended is dropped: its exit tells. So is everything when it ended before the connection:
 * a command may be over before anybody learns that it has started.
 */
export function openMonitorStdin(kernel: Kernel, bundle: string): Writable {
  try {
    return new MonitorStdin(connectThroughFolder(kernel, bundle))
  } catch (error) {
    if (isAbsent(error) || isGone(error)) return new Writable({ write: (_chunk, _encoding, done) => done() })
    throw error
  }
}

/** By way of the folder's descriptor: a socket's path has room for 107 bytes only. */
function connectThroughFolder(kernel: Kernel, bundle: string): SeqpacketSocket {
  const folder = openSync(bundle, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    return kernel.connectSeqpacket(`/proc/self/fd/${folder}/attach`)
  } finally {
    closeSync(folder)
  }
}

class MonitorStdin extends Writable {
  readonly #socket: SeqpacketSocket
  #retry: NodeJS.Timeout | undefined

  constructor(socket: SeqpacketSocket) {
    super({ highWaterMark: 4 * PACKET })
    this.#socket = socket
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#send(chunk, 1, done)
  }

  override _final(done: (error?: Error | null) => void): void {
    try {
      this.#socket.shutdown()
      done()
    } catch (error) {
      done(error as Error)
    }
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#retry)
    this.#socket[Symbol.dispose]()
    done(error)
  }

  #send(chunk: Buffer, wait: number, done: (error?: Error | null) => void): void {
    try {
      let rest = chunk
      while (rest.length > 0) {
        if (!this.#socket.send(rest.subarray(0, PACKET))) {
          const next = rest === chunk ? Math.min(wait * 2, MAX_WAIT) : 1
          this.#retry = setTimeout(() => this.#send(rest, next, done), wait)
          return
        }
        rest = rest.subarray(PACKET)
      }
      done()
    } catch (error) {
      done(isGone(error) ? null : (error as Error))
    }
  }
}

const isAbsent = (error: unknown): boolean =>
  error instanceof EngineError
    ? error.kind === 'not_found'
    : (error as NodeJS.ErrnoException).code === 'ENOENT'
const isGone = (error: unknown): boolean => error instanceof EngineError && error.kind === 'unavailable'

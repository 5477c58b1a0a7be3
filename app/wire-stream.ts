/** One end of a contract stream: the same code in the window, the CLI and the host process. Pure. */
import { EngineError } from '../vm/api/errors.ts'
import { saidError } from './sayings.ts'
import { ACK_STEP, costOf, type Frame, fromWireError, HIGH_WATER, toWireError } from './wire.ts'

/** What a peer that ignores flow control may pile up here before the stream is failed. */
const FLOOD = 64 * HIGH_WATER

/**
 * Frames in, values out, and the reverse. The owner feeds `receive` with the other side's frames (after `open`) and
 * calls `lost` when the transport closes. Exactly one consumer reads `incoming()`.
 */
export class StreamPeer {
  readonly #send: (frame: Frame) => void
  readonly #abort = new AbortController()
  #queue: unknown[] = []
  #queued = 0
  #taken = 0
  #unacked = 0
  #state: 'open' | 'ended' | 'failed' = 'open'
  #failure: unknown
  #finished = false
  #wakeReader: (() => void) | undefined
  #wakeWriters: (() => void)[] = []

  constructor(send: (frame: Frame) => void) {
    this.#send = send
  }

  /** Aborted when the other side cancelled, failed or went away. */
  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** Values from the other side; ends with its `end`, throws its error as EngineError. Leaving early cancels. */
  async *incoming(): AsyncGenerator<unknown, void, undefined> {
    try {
      for (;;) {
        if (this.#queue.length > 0) {
          for (const value of this.#queue.splice(0)) {
            yield value
            this.#take(value)
          }
          continue
        }
        if (this.#state === 'failed') throw this.#failure
        if (this.#state === 'ended') return
        await new Promise<void>((resolve) => {
          this.#wakeReader = resolve
        })
      }
    } finally {
      if (this.#state === 'open') this.cancel()
    }
  }

  /** Sends one value; resolves when the next may follow (at once below the high-water mark). Throws once cancelled. */
  async write(value: unknown): Promise<void> {
    this.#check()
    this.#unacked += costOf(value)
    this.#send({ type: 'data', value })
    while (this.#unacked > HIGH_WATER) {
      await new Promise<void>((resolve) => this.#wakeWriters.push(resolve))
      this.#check()
    }
  }

  /** No more values from this side. */
  end(): void {
    this.#finish({ type: 'end' })
  }

  /** Ends this side with a failure, and with it the stream. */
  fail(error: unknown): void {
    this.#finish({ type: 'error', error: toWireError(error) })
  }

  /** Gives the stream up. */
  cancel(): void {
    this.#finish({ type: 'cancel' })
    this.#close(new EngineError('cancelled', 'the stream was cancelled'))
  }

  /** The transport closed. Harmless after the end. */
  lost(): void {
    this.#finished = true
    this.#close(saidError('unavailable', { code: 'app_lost' }))
  }

  /** Takes a frame of the other side. */
  receive(frame: Frame): void {
    if (this.#state !== 'open' && frame.type !== 'ack' && frame.type !== 'cancel') return
    switch (frame.type) {
      case 'data':
        this.#enqueue(frame.value)
        break
      case 'ack':
        this.#unacked = Math.max(0, this.#unacked - frame.cost)
        this.#wake()
        break
      case 'end':
        this.#state = 'ended'
        this.#wake()
        break
      case 'error':
        this.#finished = true
        this.#close(fromWireError(frame.error))
        break
      case 'cancel':
        this.#finished = true
        this.#close(new EngineError('cancelled', 'the stream was cancelled'))
        break
      case 'open':
        this.fail(new EngineError('invalid_argument', 'the stream is already open'))
    }
  }

  #enqueue(value: unknown): void {
    this.#queue.push(value)
    this.#queued += costOf(value)
    if (this.#queued > FLOOD) {
      const error = new EngineError('invalid_argument', 'the sender ignores flow control')
      this.fail(error)
      this.#close(error)
    }
    this.#wake()
  }

  #take(value: unknown): void {
    const cost = costOf(value)
    this.#queued -= cost
    this.#taken += cost
    if (this.#taken < ACK_STEP || this.#state !== 'open') return
    this.#send({ type: 'ack', cost: this.#taken })
    this.#taken = 0
  }

  #check(): void {
    if (this.#abort.signal.aborted) throw this.#abort.signal.reason
    if (this.#finished) throw new EngineError('conflict', 'the stream was already ended')
  }

  #finish(frame: Frame): void {
    if (this.#finished) return
    this.#finished = true
    this.#send(frame)
  }

  #close(error: EngineError): void {
    if (this.#state === 'open') {
      this.#state = 'failed'
      this.#failure = error
      if (error.kind === 'cancelled') this.#queue = []
    }
    this.#abort.abort(error)
    this.#wake()
  }

  #wake(): void {
    this.#wakeReader?.()
    this.#wakeReader = undefined
    for (const wake of this.#wakeWriters.splice(0)) wake()
  }
}

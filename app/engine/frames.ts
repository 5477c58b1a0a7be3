/**
 * Docker's multiplexed stream (https://docs.docker.com/reference/api/engine/version/v1.51/#tag/Container/operation/ContainerAttach):
 * frames of `[stream, 0, 0, 0, size u32 big-endian]` and as many bytes. Pure.
 */
import { EngineError } from '../../vm/api/errors.ts'

export type FrameStream = 'stdin' | 'stdout' | 'stderr'
export interface FramePart {
  readonly stream: FrameStream
  readonly data: Uint8Array
}

const STREAMS: readonly FrameStream[] = ['stdin', 'stdout', 'stderr']
const HEAD = 8

/**
 * Splits chunks of any size; a frame's bytes are handed on as they come, so nothing but a head is ever kept. Frames of
 * one stream that came together stay together: a log sends one per line, and each part costs a message further on.
 */
export class FrameDecoder {
  readonly #head = new Uint8Array(HEAD)
  #headSize = 0
  #stream: FrameStream = 'stdout'
  #remaining = 0

  push(chunk: Uint8Array): FramePart[] {
    const runs: { stream: FrameStream; pieces: Uint8Array[] }[] = []
    let at = 0
    while (at < chunk.byteLength) {
      if (this.#remaining > 0) {
        const data = chunk.subarray(at, at + this.#remaining)
        const run = runs.at(-1)
        if (run?.stream === this.#stream) run.pieces.push(data)
        else runs.push({ stream: this.#stream, pieces: [data] })
        this.#remaining -= data.byteLength
        at += data.byteLength
        continue
      }
      const taken = chunk.subarray(at, at + HEAD - this.#headSize)
      this.#head.set(taken, this.#headSize)
      this.#headSize += taken.byteLength
      at += taken.byteLength
      if (this.#headSize === HEAD) this.#open()
    }
    return runs.map(({ stream, pieces }) => ({ stream, data: Buffer.concat(pieces) }))
  }

  /** Call at the end of the stream; throws 'data_loss' when it ended inside a frame. */
  finish(): void {
    if (this.#remaining > 0 || this.#headSize > 0) {
      throw new EngineError('data_loss', 'the stream ended inside a frame')
    }
  }

  #open(): void {
    const stream = STREAMS[this.#head[0] ?? 255]
    if (stream === undefined || this.#head[1] !== 0 || this.#head[2] !== 0 || this.#head[3] !== 0) {
      throw new EngineError('data_loss', 'the stream is not in frames')
    }
    this.#stream = stream
    this.#remaining = new DataView(this.#head.buffer).getUint32(4)
    this.#headSize = 0
  }
}

/** The frames of a whole stream. */
export async function* decodeFrames(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<FramePart, void, undefined> {
  const decoder = new FrameDecoder()
  for await (const chunk of source) yield* decoder.push(chunk)
  decoder.finish()
}

/** Reading and writing the protocol buffers wire format (https://protobuf.dev/programming-guides/encoding/). Pure. */
import { EngineError } from '../../../api/errors.ts'

export const WireType = { VARINT: 0, FIXED64: 1, BYTES: 2, FIXED32: 5 } as const

export class WireReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length
  }

  /** Field number and wire type of what comes next. */
  tag(): { number: number; type: number } {
    const tag = this.varint()
    return { number: Math.floor(tag / 8), type: tag % 8 }
  }

  /** A whole number; beyond 2^53 it is rounded, negative ones have their sign. */
  varint(): number {
    let value = 0
    for (let factor = 1, count = 0; count < 10; factor *= 128, count++) {
      const byte = this.#byte()
      if (count === 9) return value + (byte & 0x7f) * factor - 2 ** 64
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
    throw malformed()
  }

  /** A view of the next bytes, with their length in front. */
  bytes(): Buffer {
    const length = this.varint()
    const from = this.#at
    this.#at += length
    if (length < 0 || this.#at > this.#bytes.length) throw malformed()
    return this.#bytes.subarray(from, this.#at)
  }

  skip(type: number): void {
    if (type === WireType.VARINT) this.varint()
    else if (type === WireType.BYTES) this.bytes()
    else if (type === WireType.FIXED64) this.#at += 8
    else if (type === WireType.FIXED32) this.#at += 4
    else throw malformed()
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++]
    if (byte === undefined) throw malformed()
    return byte
  }
}

export class WireWriter {
  readonly #parts: Uint8Array[] = []

  varint(number: number, value: number): void {
    this.#tag(number, WireType.VARINT)
    this.#number(value)
  }

  bytes(number: number, value: Uint8Array): void {
    this.#tag(number, WireType.BYTES)
    this.#number(value.length)
    this.#parts.push(value)
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts)
  }

  #tag(number: number, type: number): void {
    this.#number(number * 8 + type)
  }

  #number(value: number): void {
    const bytes: number[] = []
    let rest = value
    for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
    bytes.push(rest)
    this.#parts.push(Uint8Array.from(bytes))
  }
}

function malformed(): EngineError {
  return new EngineError('invalid_argument', 'malformed protocol buffer')
}

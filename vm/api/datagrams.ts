/**
 * Datagrams over a byte stream, as `POST /slipway/udp?host=…&port=…` (upgrade to `slipway-udp`) carries them in both
 * directions: u32 length of the rest, u32 flow, then the datagram. Big-endian. A flow is one client of the listener;
 * its replies carry the same number. A zero-length datagram is a datagram like any other.
 */
export interface Datagram {
  flow: number
  data: Uint8Array
}

const MAX_DATAGRAM = 65_535
const HEADER = 8

export function encodeDatagram({ flow, data }: Datagram): Uint8Array {
  const frame = new Uint8Array(HEADER + data.length)
  const view = new DataView(frame.buffer)
  view.setUint32(0, 4 + data.length)
  view.setUint32(4, flow)
  frame.set(data, HEADER)
  return frame
}

/** Cuts a stream into its datagrams; a frame that cannot be one throws RangeError. */
export class DatagramDecoder {
  #rest: Uint8Array = new Uint8Array(0)

  push(chunk: Uint8Array): Datagram[] {
    const bytes = concat(this.#rest, chunk)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const datagrams: Datagram[] = []
    let at = 0
    while (at + HEADER <= bytes.length) {
      const length = view.getUint32(at)
      if (length < 4 || length > 4 + MAX_DATAGRAM) throw new RangeError(`datagram of ${length} bytes`)
      if (at + 4 + length > bytes.length) break
      datagrams.push({ flow: view.getUint32(at + 4), data: bytes.slice(at + HEADER, at + 4 + length) })
      at += 4 + length
    }
    this.#rest = bytes.slice(at)
    return datagrams
  }
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b
  const both = new Uint8Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}

/** Docker's multiplexed stream: `[stream, 0, 0, 0, size (4 bytes, big endian)]` before each payload. Pure. */
export const STDOUT = 1
export const STDERR = 2

export function frame(stream: 1 | 2, payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(8 + payload.length)
  bytes.writeUInt32BE((stream << 24) >>> 0, 0)
  bytes.writeUInt32BE(payload.length, 4)
  bytes.set(payload, 8)
  return bytes
}

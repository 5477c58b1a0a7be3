/** gRPC over HTTP/2: messages with their length in front, statuses (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md). */
import { EngineError, type ErrorKind, kindOf } from '../../../api/errors.ts'
import { type Detail, RpcStatus } from './session-messages.ts'

const MAX_MESSAGE = 64 * 1024 * 1024
const HEADER = 5

/** A message as it goes over the wire. */
export function frame(message: Uint8Array): Buffer {
  const header = Buffer.alloc(HEADER)
  header.writeUInt32BE(message.length, 1)
  return Buffer.concat([header, message])
}

/** The messages of a stream. data_loss when it ends within one, invalid_argument when it is one we cannot read. */
export async function* frames(stream: AsyncIterable<Uint8Array>): AsyncIterable<Buffer> {
  let parts: Uint8Array[] = []
  let length = 0
  for await (const chunk of stream) {
    parts.push(chunk)
    length += chunk.length
    if (length < HEADER) continue
    let rest = Buffer.concat(parts)
    for (let size = sizeOf(rest); size !== undefined && rest.length >= size; size = sizeOf(rest)) {
      yield rest.subarray(HEADER, size)
      rest = rest.subarray(size)
    }
    parts = [rest]
    length = rest.length
  }
  if (length > 0) throw new EngineError('data_loss', 'gRPC stream ended within a message')
}

function sizeOf(bytes: Buffer): number | undefined {
  if (bytes.length < HEADER) return undefined
  if (bytes[0] !== 0) throw new EngineError('not_implemented', 'compressed gRPC messages are not supported')
  const size = bytes.readUInt32BE(1)
  if (size > MAX_MESSAGE)
    throw new EngineError('invalid_argument', `gRPC message of ${size} bytes is too large`)
  return HEADER + size
}

/** https://grpc.io/docs/guides/status-codes/ */
const CODES: Record<ErrorKind, number> = {
  cancelled: 1,
  invalid_argument: 3,
  not_found: 5,
  already_exists: 6,
  permission_denied: 7,
  conflict: 9,
  not_modified: 9,
  not_implemented: 12,
  internal: 2,
  unavailable: 14,
  data_loss: 15,
  unauthenticated: 16,
  vm_failed: 2,
}

export interface Status {
  code: number
  message: string
  /** Further facts for the peer, by their type. */
  details?: readonly Detail[]
}

/** `details.rpc` of an EngineError goes along. */
export function statusOf(error: unknown): Status {
  const details = error instanceof EngineError ? error.details?.['rpc'] : undefined
  return {
    code: CODES[kindOf(error)],
    message: error instanceof Error ? error.message : String(error),
    ...(Array.isArray(details) ? { details } : {}),
  }
}

/** The engine's error for a status that a peer sent. */
export function errorOf({ code, message, details = [] }: Status, subject: string): EngineError {
  const kind = Object.entries(CODES).find(([, value]) => value === code)?.[0] ?? 'internal'
  const text = message === '' ? `${subject}: gRPC status ${code}` : message
  return new EngineError(kind as ErrorKind, text, details.length > 0 ? { details: { rpc: details } } : {})
}

export function statusTrailers({ code, message, details = [] }: Status): Record<string, string> {
  const escaped = [...Buffer.from(message)].map((byte) =>
    byte < 0x20 || byte > 0x7e || byte === 0x25
      ? `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
      : String.fromCharCode(byte),
  )
  const packed = RpcStatus.encode({ code, message, details: [...details] }).toString('base64')
  return {
    'grpc-status': String(code),
    ...(message === '' ? {} : { 'grpc-message': escaped.join('') }),
    ...(details.length === 0 ? {} : { 'grpc-status-details-bin': packed }),
  }
}

/** Undefined when there is none in these headers. */
export function statusIn(headers: Readonly<Record<string, unknown>>): Status | undefined {
  const code = headers['grpc-status']
  if (code === undefined) return undefined
  return { code: Number(code), message: unescaped(String(headers['grpc-message'] ?? '')) }
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/**
 * How app/contract.ts crosses a process boundary. Pure: both ends import it, the browser included.
 *
 * ## Methods
 * Browser and CLI: `POST /api/call/<method>`, `content-type: application/json`, body = `encodeJson(args)` with
 * trailing `undefined` arguments left out (`trimArgs`). The answer is always an `Envelope`, read with
 * `decodeJson(text)`: `{ok: true, value}` or `{ok: false, error: WireError}` (`value` is absent for void). Aborting the
 * request (fetch's signal) aborts the handler. A missing or foreign cookie answers 401 with an envelope of kind
 * `unauthenticated`, a foreign Host or Origin 403 `permission_denied`.
 *
 * Electron: `window.slipway.call(method, args, callId)` resolves to the same Envelope (never rejects); `args` and values
 * are structured clones, so bytes stay Uint8Array and nothing is encoded. `window.slipway.cancel(callId)` aborts it.
 * `callId` is any string unique within the page.
 *
 * ## Streams
 * One WebSocket (browser, CLI) or one MessagePort (Electron) per stream, carrying `Frame`s. The client's first frame is
 * `{type: 'open', args}`; everything after that is symmetric and is what `StreamPeer` (app/wire-stream.ts) does on both
 * ends: `data` carries one value, `end` closes the sender's half, `error` and the server's `end` finish the stream,
 * `cancel` (or closing the transport) aborts the server's side, `ack` returns credit.
 *
 * Browser: `new WebSocket('ws(s)://<location.host>/api/stream/<stream>')` with `binaryType = 'arraybuffer'`; a frame is
 * sent as `encodeFrame(frame)` (text, or binary when its value holds bytes) and read with `decodeFrame(message.data)`.
 * Electron: `window.slipway.open(stream, nonce)`; the page then receives one `message` event on `window` whose `source`
 * is the window itself and whose `data` is `{slipway: 'port', nonce}`; `event.ports[0]` is the MessagePort (call
 * `start()` or set `onmessage`). Frames are posted as they are, without encoding.
 *
 * Flow control: a sender adds `costOf(value)` of each value it sends and stops above `HIGH_WATER`; a receiver
 * acknowledges what its consumer has taken, in steps of at least `ACK_STEP`.
 */
import * as v from 'valibot'
import { EngineError, type ErrorKind, kindOf, messageOf } from '../vm/api/errors.ts'
import type { WireError } from './contract.ts'

/** What a method call answers. */
export type Envelope = { ok: true; value?: unknown } | { ok: false; error: WireError }

/** What preload.ts puts on `window.slipway` under Electron; absent in a browser. */
export interface Bridge {
  /** Resolves to the envelope of the call; never rejects. */
  call(method: string, args: readonly unknown[], callId: string): Promise<Envelope>
  cancel(callId: string): void
  /** The port arrives as a `message` event on window with `data: {slipway: 'port', nonce}`. */
  open(stream: string, nonce: string): void
}

export const HIGH_WATER = 100_000
export const ACK_STEP = 5_000

const wireError = v.object({
  kind: v.string(),
  message: v.string(),
  hint: v.exactOptional(v.string()),
  details: v.exactOptional(v.record(v.string(), v.unknown())),
})
const frame = v.variant('type', [
  v.object({ type: v.literal('open'), args: v.array(v.unknown()) }),
  v.object({ type: v.literal('data'), value: v.unknown() }),
  v.object({ type: v.literal('ack'), cost: v.pipe(v.number(), v.minValue(0)) }),
  v.object({ type: v.literal('end') }),
  v.object({ type: v.literal('error'), error: wireError }),
  v.object({ type: v.literal('cancel') }),
])
export type Frame = v.InferOutput<typeof frame>

/** Checks a frame that came from the other side; throws 'invalid_argument' when it is none. */
export function parseFrame(value: unknown): Frame {
  const parsed = v.safeParse(frame, value)
  if (!parsed.success) throw new EngineError('invalid_argument', 'malformed stream frame')
  return parsed.output
}

/** A failure as it crosses the boundary. */
export function toWireError(error: unknown): WireError {
  const wire: WireError = { kind: kindOf(error), message: messageOf(error) }
  if (!(error instanceof EngineError)) return wire
  if (error.hint !== undefined) wire.hint = error.hint
  if (error.details !== undefined) wire.details = { ...error.details }
  return wire
}

/** The failure rebuilt on the other side. */
export function fromWireError(wire: WireError): EngineError {
  const options: { hint?: string; details?: Record<string, unknown> } = {}
  if (wire.hint !== undefined) options.hint = wire.hint
  if (wire.details !== undefined) options.details = wire.details
  return new EngineError(wire.kind as ErrorKind, wire.message, options)
}

/** The value of an envelope; throws its error as EngineError. */
export function unwrap(envelope: Envelope): unknown {
  if (envelope.ok) return envelope.value
  throw fromWireError(envelope.error)
}

/** Arguments without the trailing ones that are undefined. */
export function trimArgs(args: readonly unknown[]): unknown[] {
  const trimmed = [...args]
  while (trimmed.length > 0 && trimmed[trimmed.length - 1] === undefined) trimmed.pop()
  return trimmed
}

/** What a value weighs in flow control: the same on both sides, about its size in bytes. */
export function costOf(value: unknown): number {
  if (value instanceof Uint8Array) return value.byteLength + 16
  if (typeof value === 'string') return value.length + 16
  if (typeof value !== 'object' || value === null) return 16
  let cost = 16
  for (const part of Array.isArray(value) ? value : Object.values(value)) cost += costOf(part)
  return cost
}

/** JSON text; bytes become `{"$bytes": "<base64>"}`, an undefined array element `{"$undefined": 1}`. */
export function encodeJson(value: unknown): string {
  return stringify(value, (bytes) => toBase64(bytes))
}

/** The reverse of `encodeJson`; throws 'invalid_argument' when the text is not JSON. */
export function decodeJson(text: string): unknown {
  return parse(text, (packed) => (typeof packed === 'string' ? fromBase64(packed) : undefined))
}

/**
 * A frame for a WebSocket: text without bytes in it, else binary: u32 length of the head, big-endian · the head (JSON,
 * bytes as `{"$bytes": [offset, length]}`) · the bytes.
 */
export function encodeFrame(frame: Frame): string | Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = []
  let size = 0
  const text = stringify(frame, (bytes) => {
    parts.push(bytes)
    size += bytes.byteLength
    return [size - bytes.byteLength, bytes.byteLength]
  })
  if (parts.length === 0) return text
  const head = new TextEncoder().encode(text)
  const message = new Uint8Array(4 + head.byteLength + size)
  new DataView(message.buffer).setUint32(0, head.byteLength)
  message.set(head, 4)
  let at = 4 + head.byteLength
  for (const part of parts) {
    message.set(part, at)
    at += part.byteLength
  }
  return message
}

/** Reads a WebSocket message; the bytes in it are views of `data`. Throws 'invalid_argument' when it is no frame. */
export function decodeFrame(data: string | ArrayBuffer | Uint8Array): Frame {
  if (typeof data === 'string') return parseFrame(decodeJson(data))
  const message = data instanceof Uint8Array ? data : new Uint8Array(data)
  const head = message.byteLength < 4 ? 0 : new DataView(message.buffer, message.byteOffset).getUint32(0)
  if (head === 0 || head > message.byteLength - 4) {
    throw new EngineError('invalid_argument', 'malformed stream frame')
  }
  const text = new TextDecoder().decode(message.subarray(4, 4 + head))
  const payload = message.subarray(4 + head)
  return parseFrame(parse(text, (packed) => slice(payload, packed)))
}

function slice(payload: Uint8Array, packed: unknown): Uint8Array | undefined {
  if (!Array.isArray(packed)) return undefined
  const [offset, length] = packed as [unknown, unknown]
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length)) return undefined
  const start = offset as number
  const end = start + (length as number)
  return start < 0 || end < start || end > payload.byteLength ? undefined : payload.subarray(start, end)
}

/** An object with a single key of this shape is ours; one that came from outside is wrapped in `$object`. */
const MARKED = /^\$(bytes|undefined|object)$/

function soleKey(value: object): string | undefined {
  let sole: string | undefined
  for (const key in value) {
    if (sole !== undefined) return undefined
    sole = key
  }
  return sole
}

function stringify(value: unknown, pack: (bytes: Uint8Array) => unknown): string {
  const text = JSON.stringify(value, function (this: Record<string, unknown>, key: string, plain: unknown) {
    // The holder's own value: a Buffer's toJSON has already run on `plain`.
    const raw = this[key]
    if (raw instanceof Uint8Array) return { $bytes: pack(raw) }
    if (raw === undefined && Array.isArray(this)) return { $undefined: 1 }
    if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return plain
    const sole = soleKey(raw)
    return sole !== undefined && MARKED.test(sole) ? { $object: Object.entries(raw) } : plain
  })
  return text ?? 'null'
}

function parse(text: string, unpack: (packed: unknown) => Uint8Array | undefined): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new EngineError('invalid_argument', 'malformed JSON', { cause })
  }
  return text.includes('"$') ? revive(value, unpack) : value
}

function revive(value: unknown, unpack: (packed: unknown) => Uint8Array | undefined): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((part) => revive(part, unpack))
  const record = value as Record<string, unknown>
  const sole = soleKey(record)
  if (sole === '$undefined') return undefined
  if (sole === '$bytes') {
    const bytes = unpack(record['$bytes'])
    if (bytes === undefined) throw new EngineError('invalid_argument', 'malformed bytes')
    return bytes
  }
  const entries = sole === '$object' ? (record['$object'] as [string, unknown][]) : Object.entries(record)
  return Object.fromEntries(entries.map(([key, part]) => [key, revive(part, unpack)]))
}

function toBase64(bytes: Uint8Array): string {
  let binary = ''
  for (let at = 0; at < bytes.byteLength; at += 8192) {
    binary += String.fromCharCode(...bytes.subarray(at, at + 8192))
  }
  return btoa(binary)
}

function fromBase64(text: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
}

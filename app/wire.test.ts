import { expect, test } from 'vitest'
import { EngineError } from '../vm/api/errors.ts'
import {
  decodeFrame,
  decodeJson,
  encodeFrame,
  encodeJson,
  fromWireError,
  parseFrame,
  toWireError,
  trimArgs,
} from './wire.ts'

const bytes = (...values: number[]): Uint8Array => new Uint8Array(values)

test('JSON keeps bytes, Buffers, undefined elements and objects that look like our own marks', () => {
  const value = {
    data: bytes(0, 255, 10),
    buffer: Buffer.from('hi'),
    list: [undefined, 1, null],
    labels: { $bytes: 'aGk=' },
    nested: { $object: { $undefined: 1 } },
    two: { $bytes: 1, b: 2 },
  }
  expect(decodeJson(encodeJson(value))).toEqual({ ...value, buffer: bytes(104, 105) })
})

test('a frame without bytes is text, one with bytes is binary; both come back equal', () => {
  const plain = { type: 'data', value: { a: ['x', 1] } } as const
  expect(typeof encodeFrame(plain)).toBe('string')
  expect(decodeFrame(encodeFrame(plain))).toEqual(plain)
  const mixed = { type: 'data', value: [{ stream: 'stderr', data: bytes(1, 2, 3) }, bytes(9)] } as const
  const encoded = encodeFrame(mixed)
  expect(encoded).toBeInstanceOf(Uint8Array)
  expect(decodeFrame(encoded)).toEqual(mixed)
  expect(decodeFrame((encoded as Uint8Array<ArrayBuffer>).buffer)).toEqual(mixed)
})

test.each<[string | Uint8Array, string]>([
  ['{', 'text'],
  ['{"type":"nonsense"}', 'unknown type'],
  ['{"type":"ack","cost":-1}', 'negative credit'],
  ['{"type":"data","value":{"$bytes":"***"}}', 'bad base64'],
  [bytes(0, 0), 'short head'],
  [bytes(0, 0, 0, 9, 1), 'head beyond the message'],
  [frameWith('{"type":"data","value":{"$bytes":[0,5]}}', bytes(1)), 'bytes beyond the message'],
  [frameWith('{"type":"data","value":{"$bytes":[-1,1]}}', bytes(1)), 'negative offset'],
])('refuses %s (%s)', (data) => {
  expect(() => decodeFrame(data)).toThrow(expect.objectContaining({ kind: 'invalid_argument' }))
})

function frameWith(head: string, payload: Uint8Array): Uint8Array {
  const text = new TextEncoder().encode(head)
  return bytes(0, 0, 0, text.length, ...text, ...payload)
}

test('an error keeps kind, message, hint and details', () => {
  const error = new EngineError('conflict', 'port taken', { hint: 'use 8081', details: { holder: 'nginx' } })
  const back = fromWireError(JSON.parse(JSON.stringify(toWireError(error))))
  expect({ ...back, message: back.message }).toEqual({ ...error, message: error.message })
  expect(toWireError(new Error('x')).kind).toBe('internal')
  expect(parseFrame({ type: 'error', error: toWireError(error) })).toEqual({
    type: 'error',
    error: toWireError(error),
  })
})

test('only trailing undefined arguments are trimmed', () => {
  expect(trimArgs([undefined, 1, undefined, undefined])).toEqual([undefined, 1])
})

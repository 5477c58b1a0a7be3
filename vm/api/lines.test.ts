import { expect, test } from 'vitest'
import { LineDecoder } from './lines.ts'

test('lines survive any cut, also inside a character', () => {
  const bytes = Buffer.from('{"a":"서울"}\n\n{"b":2}\nrest')
  const decoder = new LineDecoder()
  const lines: string[] = []
  for (const byte of bytes) lines.push(...decoder.push(Uint8Array.of(byte)))
  expect(lines).toEqual(['{"a":"서울"}', '{"b":2}'])
})

test('an endless line is refused', () => {
  const decoder = new LineDecoder(8)
  decoder.push(Buffer.from('12345678'))
  expect(() => decoder.push(Buffer.from('9'))).toThrow(RangeError)
})

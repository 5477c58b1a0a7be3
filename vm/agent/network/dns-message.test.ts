import { expect, test } from 'vitest'
import {
  answer,
  encodeName,
  parseQuestion,
  RecordType,
  ResponseCode,
  refusal,
  reverseAddress,
} from './dns-message.ts'

function query(name: string, type: number, flags = 0x0100): Buffer {
  const header = Buffer.from([0x12, 0x34, flags >> 8, flags & 255, 0, 1, 0, 0, 0, 0, 0, 0])
  return Buffer.concat([header, encodeName(name), Buffer.from([0, type, 0, 1])])
}

test('a question is read, lower-cased', () => {
  expect(parseQuestion(query('Web.N1', RecordType.A))).toMatchObject({ id: 0x1234, name: 'web.n1', type: 1 })
})

test('an answer repeats the question and carries the records', () => {
  const asked = query('web', RecordType.A)
  const question = parseQuestion(asked)
  if (!question) throw new Error('unread')
  const reply = answer(asked, question, [{ type: RecordType.A, data: Buffer.from([172, 18, 0, 2]) }], 600)
  expect(reply.toString('hex')).toBe(
    `${'1234818000010001000000000377656200'}00010001${'c00c000100010000025800' + '04ac120002'}`,
  )
  expect(refusal(asked, question, ResponseCode.ServerFailure).readUInt16BE(2) & 15).toBe(2)
})

test('what is no single standard question is not touched', () => {
  const good = query('web', RecordType.A)
  for (const length of [0, 5, 12, 15, good.length - 1])
    expect(parseQuestion(good.subarray(0, length))).toBeUndefined()
  expect(parseQuestion(query('web', RecordType.A, 0x8000))).toBeUndefined()
  const pointer = Buffer.from(good)
  pointer[12] = 0xc0
  expect(parseQuestion(pointer)).toBeUndefined()
})

test('reverse names', () => {
  expect(reverseAddress('2.0.18.172.in-addr.arpa')).toEqual({ family: 4, text: '172.18.0.2' })
  expect(reverseAddress(`${'1.'.padEnd(62, '0.')}2.ip6.arpa`)?.family).toBe(6)
  expect(reverseAddress('web')).toBeUndefined()
})

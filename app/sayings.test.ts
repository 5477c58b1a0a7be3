import { expect, test } from 'vitest'
import { EngineError } from '../vm/api/errors.ts'
import { SAYINGS, saidBy, saidError, say } from './sayings.ts'
import { fromWireError, toWireError } from './wire.ts'

const names = (text: string): string[] =>
  [...new Set([...text.matchAll(/\{\{(\w+)\}\}/g)].map(([, name]) => name ?? ''))].sort()

test('Korean takes values of the English sentence only', () => {
  const foreign = Object.entries(SAYINGS).filter(([, { en, ko }]) =>
    names(ko).some((name) => !names(en).includes(name)),
  )
  expect(foreign).toEqual([])
})

test('a sentence with its values, and the words of another program after it', () => {
  const ended = { code: 'vm_exit', values: { code: 1 }, detail: 'no such device' } as const
  expect(say(ended)).toBe('QEMU ended with exit code 1: no such device')
  expect(say(ended, 'ko')).toBe('QEMU가 종료 코드 1을 남기고 끝났어요: no such device')
})

test('an error says the same on the other side of the wire', () => {
  const error = saidError(
    'conflict',
    { code: 'in_use', values: { pid: 7 } },
    { hint: { code: 'in_use_hint' } },
  )
  expect(error.message).toBe('this machine is in use by another Slipway (process 7)')
  const there = fromWireError(structuredClone(toWireError(error)))
  expect(say(saidBy(there).message ?? { code: 'retry' }, 'ko')).toBe(
    '다른 Slipway(프로세스 7)가 이 가상 머신을 쓰고 있어요',
  )
  expect(say(saidBy(there).hint ?? { code: 'retry' }, 'ko')).toContain('이미 열려 있는 창')
})

test('what is no saying, or one of a later version, is left out', () => {
  expect(saidBy(new Error('x'))).toEqual({})
  expect(
    saidBy(new EngineError('internal', 'x', { details: { said: { hint: { code: 'toString' } } } })),
  ).toEqual({})
  expect(saidBy(new EngineError('internal', 'x', { details: { said: 'late' } }))).toEqual({})
})

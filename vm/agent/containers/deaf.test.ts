import { expect, test } from 'vitest'
import { isDeaf } from './deaf.ts'

const status = (nspid: string, caught: string, blocked = '0000000000000000') =>
  `Name:\tsleep\nNSpid:\t${nspid}\nSigBlk:\t${blocked}\nSigIgn:\t0000000000000000\nSigCgt:\t${caught}\n`

const TERM = 15
const SLEEPING = '230 0x0 0x0 0x7ffe 0x7ffe 0x0 0x0 0x7ffe 0x7f'

test.each([
  ['the first process, catching nothing', '190\t1', '0000000000000000', undefined, true],
  ['one that catches it', '190\t1', '0000000000004000', undefined, false],
  ['one that catches others only', '190\t1', '0000000000000002', undefined, true],
  ['one that blocks it to read it', '190\t1', '0000000000000000', 'fffffffe7ffbfeff', false],
  ['not the first of its namespace', '190', '0000000000000000', undefined, false],
])('%s', (_name, nspid, caught, blocked, deaf) => {
  expect(isDeaf(status(nspid, caught, blocked), SLEEPING, TERM, '128')).toBe(deaf)
})

test('one that waits for signals at this moment (tini), when the kernel shows none as blocked', () => {
  expect(isDeaf(status('190\t1', '0000000000000000'), '128 0x0 0x0', TERM, '128')).toBe(false)
})

test('what cannot be read counts as heard', () => {
  expect(isDeaf('', '', TERM)).toBe(false)
})

import { expect, test } from 'vitest'
import { isDeaf } from './deaf.ts'

const status = (nspid: string, caught: string, blocked = '0000000000000000') =>
  `Name:\tsleep\nNSpid:\t${nspid}\nSigBlk:\t${blocked}\nSigIgn:\t0000000000000000\nSigCgt:\t${caught}\n`

const TERM = 15

test.each([
  ['the first process, catching nothing', '190\t1', '0000000000000000', undefined, true],
  ['one that catches it', '190\t1', '0000000000004000', undefined, false],
  ['one that catches others only', '190\t1', '0000000000000002', undefined, true],
  ['one that blocks it to read it (tini)', '190\t1', '0000000000000000', 'fffffffe7ffbfeff', false],
  ['not the first of its namespace', '190', '0000000000000000', undefined, false],
])('%s', (_name, nspid, caught, blocked, deaf) => {
  expect(isDeaf(status(nspid, caught, blocked), TERM)).toBe(deaf)
})

test('what cannot be read counts as heard', () => {
  expect(isDeaf('', TERM)).toBe(false)
})

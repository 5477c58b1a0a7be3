import { appendFile, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { LineFollower, logTail, parseMark } from './serial.ts'

let folder: string
let path: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'serial-'))
  path = join(folder, 'serial.log')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test.each([
  ['slipway: kernel up', { type: 'kernel up' }],
  ['\x1b[0mslipway: sshd ready\r', { type: 'sshd ready' }],
  ['slipway: agent ready', { type: 'agent ready' }],
  ['[    3.1] random: slipway: system mounted', { type: 'system mounted' }],
  ['slipway: data disk formatting', { type: 'data disk', what: 'formatting' }],
  ['slipway: data disk repaired: 3 inodes', { type: 'data disk', what: 'repaired: 3 inodes' }],
  ['slipway: failed: no system disk', { type: 'failed', message: 'no system disk' }],
  ['slipway: something new', undefined],
  ['slipway kernel up', undefined],
  ['', undefined],
])('mark of %j', (line, expected) => expect(parseMark(line)).toEqual(expected))

test('lines come whole, in order, from the beginning, however they were written', async () => {
  const lines: string[] = []
  await writeFile(path, 'first\nsec')
  const follower = await LineFollower.open(path, (line) => lines.push(line))
  await expect.poll(() => lines).toEqual(['first'])
  await appendFile(path, 'ond\r\n한')
  await appendFile(path, '글\n')
  await expect.poll(() => lines).toEqual(['first', 'second', '한글'])
  await follower[Symbol.asyncDispose]()
  await appendFile(path, 'late\n')
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(lines).toHaveLength(3)
})

test('a log that is emptied is read from its new beginning', async () => {
  const lines: string[] = []
  await writeFile(path, 'of the start before, and long\n')
  const follower = await LineFollower.open(path, (line) => lines.push(line))
  await expect.poll(() => lines).toHaveLength(1)
  await truncate(path)
  await new Promise((resolve) => setTimeout(resolve, 300))
  await appendFile(path, 'new\n')
  await expect.poll(() => lines[1]).toBe('new')
  await follower[Symbol.asyncDispose]()
})

test('the tail is plain text', async () => {
  await writeFile(path, Array.from({ length: 50 }, (_, n) => `\x1b[1mline ${n}\x1b[0m\r\n`).join(''))
  expect(await logTail(path, 2)).toBe('line 48\nline 49')
  expect(await logTail(join(folder, 'none'))).toBe('')
})

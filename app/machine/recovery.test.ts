import { expect, test } from 'vitest'
import type { Exit } from './driver.ts'
import { Recovery } from './recovery.ts'

const exit = (changes: Partial<Exit>): Exit => ({ code: 0, signal: null, stderr: '', ...changes })
const MINUTE = 60_000

test('a kernel that panicked is started again three times in ten minutes', () => {
  const recovery = new Recovery()
  const allowed = [0, 1, 2, 3, 9, 10.5, 10.6, 13].map((minute) =>
    recovery.allows(exit({ reason: 'guest-panic' }), minute * MINUTE),
  )
  expect(allowed).toEqual([true, true, true, false, false, true, false, true])
})

test('what else ends a machine is not undone, and counts for nothing', () => {
  const recovery = new Recovery()
  for (const end of [{ signal: 'SIGKILL' }, { reason: 'guest-shutdown' }, { code: 1 }] as const)
    expect(recovery.allows(exit(end), 0)).toBe(false)
  for (let times = 0; times < 3; times++)
    expect(recovery.allows(exit({ reason: 'guest-reset' }), 0)).toBe(true)
})

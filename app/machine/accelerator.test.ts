import { expect, test } from 'vitest'
import { chooseAccelerators, firstSight, verdict, verdictKey, withoutFirst } from './accelerator.ts'

const DAY = 24 * 3600 * 1000
const now = 1_800_000_000_000
const base = {
  accelerators: ['kvm', 'tcg'],
  version: '7.2.22',
  verdicts: {},
  problem: async () => undefined,
  now,
} as const
const key = verdictKey('kvm', '7.2.22')

test('the first start tries hardware and has to prove it', async () => {
  expect(await chooseAccelerators(base)).toEqual([
    { accelerator: 'kvm', proving: true },
    { accelerator: 'tcg', proving: false },
  ])
})

test('what worked once need not be proven again', async () => {
  const choices = await chooseAccelerators({ ...base, verdicts: { [key]: verdict(true, now) } })
  expect(choices[0]).toEqual({ accelerator: 'kvm', proving: false })
})

test('what failed is not tried again for a week, and says why', async () => {
  const verdicts = { [key]: verdict(false, now - 6 * DAY, 'the guest hangs') }
  expect(await chooseAccelerators({ ...base, verdicts })).toEqual([
    { accelerator: 'tcg', proving: false, note: 'the guest hangs' },
  ])
  expect((await chooseAccelerators({ ...base, verdicts, now: now + 2 * DAY }))[0]?.accelerator).toBe('kvm')
})

test('an upgrade of QEMU is a new chance', async () => {
  const verdicts = { [key]: verdict(false, now, 'the guest hangs') }
  expect((await chooseAccelerators({ ...base, version: '8.0.0', verdicts }))[0]?.accelerator).toBe('kvm')
})

test('what is wrong at first sight is not tried', async () => {
  const choices = await chooseAccelerators({ ...base, problem: async () => 'no /dev/kvm' })
  expect(choices).toEqual([{ accelerator: 'tcg', proving: false, note: 'no /dev/kvm' }])
})

test('a failure moves on to the next, with the reason', async () => {
  const choices = await chooseAccelerators(base)
  expect(withoutFirst(choices, 'silent')).toEqual([{ accelerator: 'tcg', proving: false, note: 'silent' }])
  expect(withoutFirst(withoutFirst(choices, 'silent'), 'too')).toEqual([])
})

test('first sight', async () => {
  expect(await firstSight('hvf')).toBeUndefined()
  expect(await firstSight('kvm', '/nowhere/kvm')).toContain('no /nowhere/kvm')
  expect(await firstSight('kvm', '/dev/null')).toBeUndefined()
})

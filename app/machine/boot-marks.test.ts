import { expect, test } from 'vitest'
import { BootMarks } from './boot-marks.ts'
import type { Mark } from './serial.ts'

const never = new AbortController().signal

test('what was said already is as good as what is said later', async () => {
  const marks = new BootMarks()
  marks.add({ type: 'kernel up' })
  expect(await marks.until((mark) => mark.type === 'kernel up', never)).toEqual({ type: 'kernel up' })
  const later = marks.until((mark) => mark.type === 'sshd ready', never)
  marks.add({ type: 'sshd ready' })
  expect(await later).toEqual({ type: 'sshd ready' })
})

test('a failure ends every wait with the words of the guest', async () => {
  const marks = new BootMarks()
  const waiting = marks.until((mark) => mark.type === 'sshd ready', never)
  marks.add({ type: 'failed', message: 'no data disk' })
  await expect(waiting).rejects.toMatchObject({ kind: 'vm_failed', message: 'the guest says: no data disk' })
})

test('an engine may end twice, not three times', async () => {
  const marks = new BootMarks()
  const died: Mark = { type: 'failed', message: 'agent ended with 1' }
  marks.add(died)
  marks.add(died)
  const waiting = marks.until((mark) => mark.type === 'sshd ready', never)
  marks.add({ type: 'sshd ready' })
  await waiting
  marks.add(died)
  await expect(marks.failure).rejects.toThrow('agent ended with 1')
})

test('a follower hears everything once, in order, until it stops', () => {
  const marks = new BootMarks()
  const heard: string[] = []
  marks.add({ type: 'data disk', what: 'checking' })
  const stop = marks.follow((mark) => heard.push(mark.type === 'data disk' ? mark.what : mark.type))
  marks.add({ type: 'data disk', what: 'mounted' })
  stop()
  marks.add({ type: 'sshd ready' })
  expect(heard).toEqual(['checking', 'mounted'])
})

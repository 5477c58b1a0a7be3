import { once } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { withDeadline } from './with-deadline.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Ends with the signal's reason; nothing but the listener knows the signal meanwhile. */
function reasonOf(make: () => AbortSignal): Promise<unknown> {
  return new Promise((resolve) => {
    const signal = make()
    signal.addEventListener('abort', () => resolve(signal.reason), { once: true })
  })
}

test('a deadline passes although the collector has been there', async () => {
  const caller = new AbortController()
  const reason = reasonOf(() => withDeadline(200, caller.signal))
  const collecting = setInterval(collect, 10)
  await expect(reason).resolves.toMatchObject({ name: 'TimeoutError' })
  clearInterval(collecting)
})

test('the caller ends it first, with the caller’s reason', async () => {
  const caller = new AbortController()
  const reason = reasonOf(() => withDeadline(60_000, caller.signal))
  collect()
  caller.abort('enough')
  expect(await reason).toBe('enough')
  expect(withDeadline(60_000, caller.signal).aborted).toBe(true)
})

test('without a caller it is the deadline alone', async () => {
  const signal = withDeadline(1)
  if (!signal.aborted) await once(signal, 'abort')
  expect(signal.reason).toMatchObject({ name: 'TimeoutError' })
})

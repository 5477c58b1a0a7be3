import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { paced } from './paced.ts'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

test('draws once for what comes together, and less often in a flood', async () => {
  const draw = vi.fn()
  const take = paced(draw)
  for (let i = 0; i < 50; i++) expect(take(100)).toBeUndefined()
  await vi.advanceTimersByTimeAsync(100)
  expect(draw).toHaveBeenCalledTimes(1)
  for (let ms = 0; ms < 1000; ms += 5) {
    void take(10)
    await vi.advanceTimersByTimeAsync(5)
  }
  expect(draw.mock.calls.length).toBeGreaterThan(6)
  expect(draw.mock.calls.length).toBeLessThanOrEqual(11)
})

test('holds the source back above a burst, until that is drawn', async () => {
  const draw = vi.fn()
  const take = paced(draw)
  expect(take(256 * 1024)).toBeUndefined()
  const held = take(1)
  expect(held).toBeInstanceOf(Promise)
  expect(draw).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(100)
  await held
  expect(draw).toHaveBeenCalledTimes(1)
  expect(take(1)).toBeUndefined()
})

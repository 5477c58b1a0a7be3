import { expect, test } from 'vitest'
import { valuesOf } from './latest.ts'

test('a slow consumer gets the newest, and leaving unsubscribes', async () => {
  let emit: (value: number) => void = () => undefined
  let subscribed = 0
  const abort = new AbortController()
  const source = valuesOf<number>((listener) => {
    emit = listener
    subscribed++
    listener(0)
    return () => {
      subscribed--
    }
  }, abort.signal)
  expect((await source.next()).value).toBe(0)
  emit(1)
  emit(2)
  expect((await source.next()).value).toBe(2)
  const last = source.next()
  abort.abort()
  expect((await last).done).toBe(true)
  expect(subscribed).toBe(0)
})

test('with room for more, every value is kept in order', async () => {
  const abort = new AbortController()
  const source = valuesOf<string>(
    (listener) => {
      for (const value of ['a', 'b', 'c', 'd']) listener(value)
      return () => undefined
    },
    abort.signal,
    { keep: 3 },
  )
  const seen: string[] = []
  for await (const value of source) if (seen.push(value) === 3) break
  expect(seen).toEqual(['b', 'c', 'd'])
})

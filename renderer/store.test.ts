import { expect, test } from 'vitest'
import { Store } from './store.ts'

test('announces many changes once per frame', () => {
  const frames: (() => void)[] = []
  const store = new Store({ count: 0 }, (announce) => frames.push(announce))
  let announced = 0
  store.subscribe(() => announced++)
  for (let i = 1; i <= 10; i++) store.patch({ count: i })
  expect(frames.length).toBe(1)
  frames[0]?.()
  expect([announced, store.get().count]).toEqual([1, 10])
})

test('the same state announces nothing', () => {
  const frames: (() => void)[] = []
  const store = new Store({ count: 0 }, (announce) => frames.push(announce))
  store.set((state) => state)
  expect(frames).toEqual([])
})

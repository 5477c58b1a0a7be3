import { expect, test } from 'vitest'
import { moveActive, nextSelection } from './selection.ts'

test('keys move within the list', () => {
  const moves = ['ArrowUp', 'ArrowDown', 'PageDown', 'PageUp', 'Home', 'End', 'x']
  expect(moves.map((key) => moveActive(key, 0, 30, 10))).toEqual([0, 1, 10, 0, 0, 29, undefined])
  expect(moveActive('ArrowDown', 0, 0, 10)).toBeUndefined()
})

test('toggling and ranges', () => {
  const keys = ['a', 'b', 'c', 'd']
  expect([...nextSelection(keys, new Set(['a']), 'c', { toggle: true })]).toEqual(['a', 'c'])
  expect([...nextSelection(keys, new Set(['a', 'c']), 'c', { toggle: true })]).toEqual(['a'])
  expect([...nextSelection(keys, new Set(), 'a', { range: 'c' })]).toEqual(['a', 'b', 'c'])
  expect([...nextSelection(keys, new Set(), 'b', { range: 'gone' })]).toEqual(['b'])
})

import { expect, test } from 'vitest'
import { ranked } from './palette-rank.ts'

const items = [
  { label: 'Create a network' },
  { label: 'Go to Networks' },
  { label: 'Go to Images' },
  { label: 'Restart engine' },
  { label: 'Reset settings…' },
  { label: 'my-worker', detail: 'busybox' },
  { label: 'worker', detail: 'busybox' },
  { label: 'web', detail: 'nginx' },
  { label: 'nginx:latest' },
  { label: '네트워크 만들기' },
]
const found = (query: string): string[] => ranked(items, query).map(({ label }) => label)

test('what begins with the letters comes before what has them somewhere', () => {
  expect(found('wor')).toEqual(['worker', 'my-worker', 'Create a network', 'Go to Networks'])
  expect(found('res').slice(0, 2)).toEqual(['Restart engine', 'Reset settings…'])
})

test('a second word counts like a first one', () => {
  expect(found('net').slice(0, 2).sort()).toEqual(['Create a network', 'Go to Networks'])
  expect(found('images')[0]).toBe('Go to Images')
})

test('a name before a detail, and details are found too', () => {
  expect(found('nginx')).toEqual(['nginx:latest', 'web'])
})

test('letters in between may be left out where nothing has them side by side', () => {
  expect(found('gti')[0]).toBe('Go to Images')
  expect(found('ima')).toEqual(['Go to Images'])
  expect(found('rstrt')).toEqual(['Restart engine'])
  expect(found('zzz')).toEqual([])
  expect(found('네트')).toEqual(['네트워크 만들기'])
})

test('nothing typed is nothing left out', () => {
  expect(ranked(items, '  ')).toEqual(items)
})

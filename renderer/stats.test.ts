import { expect, test } from 'vitest'
import { extendHistory, type Sample } from './stats.ts'

const START = '2026-11-22T01:00:00.000Z'
const at = (seconds: number): Sample => ({
  time: Date.parse(START) + seconds * 1000,
  cpu: 0,
  memory: seconds,
  memoryLimit: 0,
  received: 0,
  sent: 0,
  read: 0,
  written: 0,
  processes: 1,
})
const seconds = (samples: readonly Sample[]): number[] => samples.map(({ memory }) => memory)

test('readings are kept between visits, for ten minutes, and only of one run', () => {
  extendHistory('web', START, [at(1)])
  extendHistory('web', START, [at(2)])
  expect(seconds(extendHistory('web', START, []))).toEqual([1, 2])
  expect(seconds(extendHistory('db', START, [at(3)]))).toEqual([3])
  expect(seconds(extendHistory('web', START, [at(601.5)]))).toEqual([2, 601.5])
  expect(seconds(extendHistory('web', '2026-11-22T01:20:00.000Z', []))).toEqual([])
})

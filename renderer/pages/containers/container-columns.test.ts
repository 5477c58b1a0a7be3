import { expect, test } from 'vitest'
import { fittingColumns, gridOf, toggled } from './container-columns.ts'

const usual = ['state', 'ports', 'cpu', 'memory', 'created'] as const

test('what does not fit goes, the least useful first; the state stays', () => {
  expect(fittingColumns(usual, 1060)).toEqual(usual)
  expect(fittingColumns(usual, 680)).toEqual(['state', 'ports', 'cpu'])
  expect(fittingColumns(usual, 100)).toEqual(['state'])
})

test('the order is the list’s own, whatever was chosen first', () => {
  expect(toggled(usual, 'id')).toEqual(['id', ...usual])
  expect(toggled(usual, 'cpu')).toEqual(['state', 'ports', 'memory', 'created'])
  expect(gridOf(['state'])).toBe('18px minmax(150px, 1.8fr) minmax(124px, 1.6fr) 60px')
})

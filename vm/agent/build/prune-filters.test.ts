import { expect, test } from 'vitest'
import { pruneUntil } from './prune-filters.ts'

test('what goes by age, and a filter that is not understood lets nothing go', () => {
  expect(pruneUntil({})).toBe(Number.POSITIVE_INFINITY)
  expect(pruneUntil({ until: ['1700000000'] })).toBe(1_700_000_000_000)
  expect(pruneUntil({ 'unused-for': ['1700000000'], label: ['a=b'] })).toBe(Number.NEGATIVE_INFINITY)
  expect(() => pruneUntil({ until: ['1h', '2h'] })).toThrow('filters expect only one value')
  expect(() => pruneUntil({ until: ['x'] })).toThrow(
    'failed to prune build cache: "until" filter expects a duration (e.g., \'24h\') or a timestamp: failed to parse value as time or duration: "x"',
  )
  expect(() => pruneUntil({ a: ['b'] })).toThrow("failed to prune build cache: invalid filter 'a'")
  expect(() => pruneUntil({ id: ['b'] })).toThrow("the filter 'id' of the build cache is not supported")
})

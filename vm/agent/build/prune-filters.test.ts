import { expect, test } from 'vitest'
import type { BuildCacheRecord } from '../../api/system.ts'
import { meets, pruneChoice } from './prune-filters.ts'
import { bytesToKeep, leastRecent } from './prune-space.ts'

const record = (ID: string, more: Partial<BuildCacheRecord> = {}): BuildCacheRecord => ({
  ID,
  Type: 'regular',
  Description: `RUN make ${ID}`,
  InUse: false,
  Shared: false,
  Size: 10,
  CreatedAt: '2026-01-01T00:00:00Z',
  LastUsedAt: null,
  UsageCount: 0,
  ...more,
})
const at = (hour: number) => `2026-01-01T0${hour}:00:00Z`
const ids = (records: BuildCacheRecord[]) => records.map(({ ID }) => ID)

test('what goes by age, and a filter that is not understood lets nothing go', () => {
  expect(pruneChoice({})).toEqual({ until: Number.POSITIVE_INFINITY, terms: [] })
  expect(pruneChoice({ until: ['1700000000'] }).until).toBe(1_700_000_000_000)
  expect(pruneChoice({ 'unused-for': ['1700000000'], label: ['a=b'] }).until).toBe(Number.NEGATIVE_INFINITY)
  expect(() => pruneChoice({ until: ['1h', '2h'] })).toThrow('filters expect only one value')
  expect(() => pruneChoice({ until: ['x'] })).toThrow(
    'failed to prune build cache: "until" filter expects a duration (e.g., \'24h\') or a timestamp: failed to parse value as time or duration: "x"',
  )
  expect(() => pruneChoice({ a: ['b'] })).toThrow("failed to prune build cache: invalid filter 'a'")
})

test('records are picked by what they are', () => {
  const mount = record('m1', { Type: 'exec.cachemount', InUse: true })
  const layer = record('r1', { Parents: ['r0'], Shared: true })
  const picks = (filters: Record<string, string[]>) => {
    const { terms } = pruneChoice(filters)
    return ids([mount, layer].filter((one) => terms.every((term) => meets(one, term))))
  }
  expect(picks({})).toEqual(['m1', 'r1'])
  expect(picks({ id: ['r'] })).toEqual(['r1'])
  expect(picks({ type: ['exec.cachemount'] })).toEqual(['m1'])
  expect(picks({ parent: ['r0'] })).toEqual(['r1'])
  expect(picks({ inuse: [] })).toEqual(['m1'])
  expect(picks({ inuse: ['false'] })).toEqual(['r1'])
  expect(picks({ private: ['true'] })).toEqual(['m1'])
  expect(picks({ shared: [], mutable: [] })).toEqual([])
  expect(meets(layer, { field: 'description', operator: '~=', value: 'make r\\d' })).toBe(true)
  expect(meets(layer, { field: 'type', operator: '!=', value: 'regular' })).toBe(false)
  expect(meets(layer, { field: 'colour', operator: '==', value: 'red' })).toBe(false)
})

test('how much may stay', () => {
  const none = { reserved: 0, maxUsed: 0, minFree: 0 }
  expect(bytesToKeep(none, 100, 0)).toBeUndefined()
  expect(bytesToKeep({ ...none, reserved: 30 }, 100, 0)).toBe(30)
  expect(bytesToKeep({ ...none, maxUsed: 60 }, 100, 0)).toBe(60)
  expect(bytesToKeep({ ...none, minFree: 50 }, 100, 20)).toBe(70)
  expect(bytesToKeep({ reserved: 80, maxUsed: 60, minFree: 50 }, 100, 20)).toBe(80)
})

test('the longest unused goes first, and what others stand on after them', () => {
  const base = record('base', { LastUsedAt: at(1) })
  const middle = record('middle', { Parents: ['base'], LastUsedAt: at(2) })
  const top = record('top', { Parents: ['middle'], LastUsedAt: at(5) })
  const other = record('other', { LastUsedAt: at(4) })
  const all = [base, middle, top, other]
  expect(ids(leastRecent(all, 0))).toEqual([])
  expect(ids(leastRecent(all, 10))).toEqual(['other'])
  expect(ids(leastRecent(all, 11))).toEqual(['other', 'top'])
  expect(ids(leastRecent(all, 100))).toEqual(['other', 'top', 'middle', 'base'])
})

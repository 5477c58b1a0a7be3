import { expect, test } from 'vitest'
import type { BuildCacheRecord } from '../../../api/system.ts'
import { parseFilters, passes } from './filters.ts'

test('filters of buildx: none as an empty text, several joined by a comma', () => {
  expect(parseFilters([''])).toEqual([])
  expect(parseFilters(['type==regular,id~=ab', 'inuse'])).toEqual([
    [
      { field: 'type', operator: '==', value: 'regular' },
      { field: 'id', operator: '~=', value: 'ab' },
    ],
    [{ field: 'inuse', operator: 'present', value: '' }],
  ])
  expect(() => parseFilters(['a>b'])).toThrow("invalid filter 'a>b'")
})

test('a record passes by any filter of several', () => {
  const record = { ID: 'abc', Type: 'regular', Description: '', InUse: false } as BuildCacheRecord
  const pass = (...filters: string[]) => passes(record, parseFilters(filters))
  expect(pass('')).toBe(true)
  expect(pass('id~=^ab,type==regular')).toBe(true)
  expect(pass('id~=^ab,inuse')).toBe(false)
  expect(pass('inuse', 'type="regular"')).toBe(true)
})

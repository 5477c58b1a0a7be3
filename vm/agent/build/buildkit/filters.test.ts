import { expect, test } from 'vitest'
import { parseFilters } from './filters.ts'

test('filters of buildx: none as an empty text, several joined by a comma', () => {
  expect(parseFilters([''])).toEqual({})
  expect(parseFilters(['until==24h,id~=ab', 'inuse'])).toEqual({ until: ['24h'], id: ['ab'], inuse: [''] })
  expect(() => parseFilters(['a>b'])).toThrow("invalid filter 'a>b'")
})

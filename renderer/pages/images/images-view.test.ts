import { expect, test } from 'vitest'
import type { ContainerSummary } from '../../../vm/api/containers.ts'
import type { ImageSummary } from '../../../vm/api/images.ts'
import { freedBy, imageRows } from './images-view.ts'

const image = (Id: string, RepoTags: string[], Size: number): ImageSummary => ({
  Id,
  RepoTags,
  Size,
  ParentId: '',
  RepoDigests: [],
  Created: 0,
  SharedSize: -1,
  Labels: null,
  Containers: -1,
})
const images = [
  image('sha256:b', ['localhost:5000/app:2', 'app:latest'], 5),
  image('sha256:c', [], 9),
  image('sha256:a', ['redis:7'], 7),
]
const containers = [{ ImageID: 'sha256:a' }] as ContainerSummary[]
const show = (part: object) =>
  imageRows(images, containers, {
    query: '',
    filter: 'all',
    sort: { by: 'name', descending: false },
    ...part,
  }).map((row) => `${row.repository}|${row.version}|${row.usedBy}`)

test('a row per tag, untagged last, registries with ports kept whole', () => {
  expect(show({})).toEqual(['app|latest|0', 'localhost:5000/app|2|0', 'redis|7|1', '||0'])
})
test('filters, search, sort', () => {
  expect(show({ filter: 'used' })).toEqual(['redis|7|1'])
  expect(show({ filter: 'dangling' })).toEqual(['||0'])
  expect(show({ query: 'APP 2' })).toEqual(['localhost:5000/app|2|0'])
  expect(show({ sort: { by: 'size', descending: false } })[0]).toBe('||0')
})

test('what deleting frees: nothing while another name stays, nothing that is shared', () => {
  const rows = imageRows(
    images.map((one) => (one.Id === 'sha256:a' ? { ...one, SharedSize: 3 } : one)),
    [],
    { query: '', filter: 'all', sort: { by: 'name', descending: false } },
  )
  const [latest, second, redis, untagged] = rows.map((row) => [row])
  expect([latest, second, redis, untagged].map((some) => freedBy(some ?? []))).toEqual([0, 0, 4, 9])
  expect(freedBy(rows)).toBe(5 + 4 + 9)
})

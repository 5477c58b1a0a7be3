import { expect, test } from 'vitest'
import type { DiskUsage } from '../../../vm/api/system.ts'
import { reclaimable } from './cleanup-view.ts'

test('counts what nothing uses, shared layers not at all', () => {
  const usage = {
    LayersSize: 0,
    Containers: [
      { Id: 'c1', Names: ['/web'], State: 'running', ImageID: 'sha256:a', SizeRw: 5 },
      { Id: 'c2', Names: ['/old'], State: 'exited', ImageID: 'sha256:a', SizeRw: 7 },
    ],
    Images: [
      { Id: 'sha256:a', RepoTags: ['web:1'], Size: 100, SharedSize: 0 },
      { Id: 'sha256:bbbbbbbbbbbb', RepoTags: null, Size: 50, SharedSize: 20 },
      { Id: 'sha256:d', RepoTags: ['redis:7'], Size: 40, SharedSize: -1 },
    ],
    Volumes: [
      { Name: 'data', UsageData: { Size: 9, RefCount: 1 } },
      { Name: 'left', UsageData: { Size: 11, RefCount: 0 } },
    ],
    BuildCache: [
      { Description: 'RUN make', InUse: false, Size: 3 },
      { Description: 'x', InUse: true, Size: 4 },
    ],
  } as unknown as DiskUsage
  expect(
    reclaimable(usage, ['old_default']).map(({ kind, count, size, names }) => [kind, count, size, names]),
  ).toEqual([
    ['containers', 1, 7, ['old']],
    ['images', 1, 30, ['bbbbbbbbbbbb']],
    ['allImages', 2, 70, ['bbbbbbbbbbbb', 'redis:7']],
    ['networks', 1, 0, ['old_default']],
    ['builds', 1, 3, ['RUN make']],
    ['volumes', 1, 11, ['left']],
  ])
})

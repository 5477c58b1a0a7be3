import { expect, test } from 'vitest'
import type { ProgressMessage } from '../vm/api/images.ts'
import { applyProgress, startTask, type Task, taskProgress, tasks } from './tasks.ts'

const EMPTY: Task = { id: 't', kind: 'pull', subject: 'redis', state: 'running', layers: [], output: [] }
const after = (...messages: ProgressMessage[]): Task => messages.reduce(applyProgress, EMPTY)

test('a pull goes from nothing known to done', () => {
  expect(taskProgress(after({ status: 'Pulling from library/redis', id: '7' }))).toBeUndefined()
  const half = after(
    { status: 'Pulling fs layer', id: 'a' },
    { status: 'Already exists', id: 'b' },
    { status: 'Downloading', id: 'a', progressDetail: { current: 50, total: 100 } },
  )
  expect(half.layers).toEqual([
    { id: 'a', status: 'Downloading', current: 50, total: 100, done: false },
    { id: 'b', status: 'Already exists', current: 0, total: 0, done: true },
  ])
  expect(taskProgress(half)).toBeCloseTo(0.7)
  const fetched = applyProgress(half, { status: 'Download complete', id: 'a', progressDetail: {} })
  expect(taskProgress(fetched)).toBeCloseTo(0.9)
  expect(taskProgress(applyProgress(fetched, { status: 'Pull complete', id: 'a' }))).toBe(1)
})

test('build output is joined into lines', () => {
  expect(after({ stream: 'Step 1' }, { stream: '/2\n' }, { stream: 'ok\n' }).output).toEqual([
    'Step 1/2',
    'ok',
    '',
  ])
})

test('an error inside the stream fails the task though the stream ended well', async () => {
  await expect(
    startTask('pull', 'x', (handlers) => {
      queueMicrotask(() => {
        void handlers.data({ error: 'manifest unknown', errorDetail: { message: 'manifest unknown' } })
        handlers.end()
      })
      return { send: async () => undefined, finish: () => undefined, close: () => undefined }
    }),
  ).rejects.toThrow('manifest unknown')
  expect(tasks.get()[0]).toMatchObject({ state: 'failed', error: 'manifest unknown' })
})

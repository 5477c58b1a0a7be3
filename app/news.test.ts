import { expect, test } from 'vitest'
import type { EventMessage } from '../vm/api/system.ts'
import { NewsDesk } from './news.ts'

const event = (Action: string, Attributes: Record<string, string> = {}, ID = 'c1'): EventMessage => ({
  Type: 'container',
  Action,
  Actor: { ID, Attributes },
  scope: 'local',
  time: 0,
  timeNano: 0,
})

test('news: a container that dies by itself with a failure, a pull, a failed engine once', () => {
  let now = 0
  const news = new NewsDesk(() => now)
  const died = event('die', { exitCode: '3', name: 'web' })
  expect(news.onEvent(died)).toEqual({ kind: 'died', id: 'c1', name: 'web', code: '3' })
  expect(news.onEvent(event('die', { exitCode: '0', name: 'web' }))).toBeUndefined()
  news.onEvent(event('kill', { signal: '15' }))
  now = 10_000
  expect(news.onEvent(event('die', { exitCode: '143' }))).toBeUndefined()
  expect(news.onEvent(died)).toBeDefined()
  expect(news.onEvent({ ...event('pull', {}, 'redis:7'), Type: 'image' })).toEqual({
    kind: 'pulled',
    name: 'redis:7',
  })
  const failed = { state: 'failed', error: 'QEMU ended' } as const
  expect([news.onState(failed), news.onState(failed)]).toEqual([
    { kind: 'failed', error: 'QEMU ended' },
    undefined,
  ])
  news.onState({ state: 'stopped' })
  expect(news.onState(failed)).toBeDefined()
})

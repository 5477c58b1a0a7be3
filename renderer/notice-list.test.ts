import { expect, test } from 'vitest'
import type { News } from '../app/news.ts'
import { type Notice, withNews } from './notice-list.ts'

const died = (id: string, code = '1'): News => ({ kind: 'died', id, name: id, code })

function told(...news: [News, number][]): { list: readonly Notice[]; fresh: boolean[] } {
  let list: readonly Notice[] = []
  const fresh = news.map(([one, now]) => {
    const next = withNews(list, one, now)
    list = next.list
    return next.fresh
  })
  return { list, fresh }
}

test('a container that dies again and again is one line and interrupts once', () => {
  const { list, fresh } = told(
    [died('loop'), 0],
    [died('web'), 1000],
    [died('loop'), 2000],
    [died('loop'), 3000],
  )
  expect(list.map((one) => one.kind === 'died' && [one.id, one.times, one.time])).toEqual([
    ['loop', 3, 3000],
    ['web', 1, 1000],
  ])
  expect(fresh).toEqual([true, true, false, false])
})

test('another code, a later hour and every failure of the engine are news', () => {
  const failed: News = { kind: 'failed', error: 'QEMU ended' }
  const { list, fresh } = told(
    [died('loop'), 0],
    [died('loop', '2'), 1],
    [died('loop'), 3_600_000],
    [failed, 3_600_001],
    [failed, 3_600_002],
  )
  expect(fresh).toEqual([true, true, true, true, true])
  expect(list).toHaveLength(4)
})

test('the list does not grow for ever', () => {
  expect(
    told(...Array.from({ length: 80 }, (_, index): [News, number] => [died(`c${index}`), index])).list,
  ).toHaveLength(50)
})

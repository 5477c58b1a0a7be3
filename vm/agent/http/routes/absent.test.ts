import { expect, test } from 'vitest'
import { type Context, Router } from '../router.ts'
import { statusOf } from '../status.ts'
import { absentRoutes } from './absent.ts'

const router = new Router(absentRoutes())

function answer(method: string, path: string): unknown {
  const found = router.match(method, path)
  if (!found) return 'page not found'
  const sent: unknown[] = []
  const ctx = {
    param: (name: string) => found.params[name],
    send: (...args: unknown[]) => sent.push(...args),
  } as unknown as Context
  try {
    void found.route.handler(ctx)
    return sent
  } catch (error) {
    return statusOf(error)
  }
}

test.each([
  ['GET', '/swarm', 503],
  ['GET', '/services', 503],
  ['GET', '/nodes/x', 503],
  ['POST', '/secrets/create', 503],
  ['POST', '/swarm/init', 501],
  ['POST', '/swarm/leave', 503],
  ['GET', '/plugins/a/b/json', 404],
  ['POST', '/plugins/x/enable', 404],
  ['GET', '/containers/x/checkpoints', 501],
  ['PUT', '/volumes/x', 503],
])('%s %s is answered %i', (method, path, status) => {
  expect(answer(method, path)).toBe(status)
})

test('plugins are listed as none', () => {
  expect(answer('GET', '/plugins')).toEqual([200, []])
})

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { CacheMounts } from './cache-mounts.ts'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'caches-'))
})
afterEach(() => rm(root, { recursive: true }))

it('shares, takes another, or waits', async () => {
  const caches = new CacheMounts(join(root, 'c'))
  const first = await caches.take('id', 'shared')
  expect(first.fresh).toBe(true)
  const second = await caches.take('id', 'shared')
  expect(second).toMatchObject({ path: first.path, fresh: false })
  const other = await caches.take('id', 'private')
  expect(other.path).not.toBe(first.path)
  let got = false
  const locked = caches.take('id', 'locked').then((cache) => {
    got = true
    return cache
  })
  first[Symbol.dispose]()
  await new Promise((resolve) => setImmediate(resolve))
  expect(got).toBe(false)
  second[Symbol.dispose]()
  expect((await locked).path).toBe(first.path)
})

it('is listed and removed, but not while in use', async () => {
  const caches = new CacheMounts(root)
  const cache = await caches.take('id', 'shared')
  await writeFile(join(cache.path, 'f'), '12345')
  const [listed] = await caches.list()
  expect(listed).toMatchObject({ size: 5, inUse: true })
  await caches.remove(listed?.name ?? '')
  expect(await caches.list()).toHaveLength(1)
  cache[Symbol.dispose]()
  await caches.remove(listed?.name ?? '')
  expect(await caches.list()).toEqual([])
})

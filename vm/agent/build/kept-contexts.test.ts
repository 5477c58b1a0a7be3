import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { KeptContexts } from './kept-contexts.ts'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'kept-'))
})
afterEach(() => rm(root, { recursive: true, force: true }))

async function folder(name: string, text: string): Promise<string> {
  const path = join(root, name)
  await mkdir(path)
  await writeFile(join(path, 'f'), text)
  return path
}
const index = (mark: string) => new Map([['f', mark]])

test('a context is kept in the place of the one before, and found again by another run', async () => {
  const kept = new KeptContexts(join(root, 'kept'))
  expect(await kept.find('a')).toBeUndefined()
  await kept.put('a', await folder('one', '1'), index('x'), 1)
  await kept.put('a', await folder('two', '22'), index('y'), 2)
  const again = await new KeptContexts(join(root, 'kept')).find('a')
  expect(again?.files).toEqual(index('y'))
  expect(await readFile(join(again?.root ?? '', 'f'), 'utf8')).toBe('22')
  expect(await kept.list()).toMatchObject([{ size: 2, uses: 2 }])
})

test('who reads a context while another one takes its place finds it gone, not changed', async () => {
  const kept = new KeptContexts(join(root, 'kept'))
  await kept.put('a', await folder('one', '1'), index('x'), 1)
  const reading = await kept.find('a')
  await kept.put('a', await folder('two', '2'), index('y'), 1)
  await expect(readFile(join(reading?.root ?? '', 'f'))).rejects.toMatchObject({ code: 'ENOENT' })
  expect(await readdir(join(root, 'kept'))).toHaveLength(3)
})

test('the longest unused go when there are too many or too much', async () => {
  const kept = new KeptContexts(join(root, 'kept'), { count: 2, bytes: 100 })
  for (const key of ['a', 'b', 'c']) {
    await kept.put(key, await folder(key, key), index(key), 10)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  expect(await kept.find('a')).toBeUndefined()
  expect(await kept.find('b')).toBeDefined()
  await kept.put('d', await folder('d', 'd'), index('d'), 95)
  expect((await kept.list()).map(({ size }) => size)).toEqual([95])
})

test('what was pruned or half-made is gone', async () => {
  const kept = new KeptContexts(join(root, 'kept'))
  await kept.put('a', await folder('one', '1'), index('x'), 1)
  await mkdir(join(root, 'kept/torso'))
  await writeFile(join(root, 'kept/broken.json'), '{')
  await kept.recover()
  const [one] = await kept.list()
  expect((await readdir(join(root, 'kept'))).sort()).toEqual(
    [`${one?.name}.json`, `${one?.tree}`, `${one?.tree}.files`].sort(),
  )
  await kept.remove(one?.name ?? '')
  expect(await readdir(join(root, 'kept'))).toEqual([])
  expect(await kept.find('a')).toBeUndefined()
})

test('a folder that cannot be read is an error, not an empty one', async () => {
  await writeFile(join(root, 'kept'), 'no folder')
  await expect(new KeptContexts(join(root, 'kept')).list()).rejects.toThrow('ENOTDIR')
})

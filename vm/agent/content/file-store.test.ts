import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { FileContentStore } from './file-store.ts'
import { contentStoreSuite } from './suite.ts'

contentStoreSuite('FileContentStore', async () => {
  const root = await mkdtemp(join(tmpdir(), 'content-'))
  return {
    store: new FileContentStore(root),
    leftovers: async () => (await readdir(join(root, 'ingest')).catch(() => [])).length,
    dispose: () => rm(root, { recursive: true }),
  }
})

it('drops what a killed run left half-written, at first use', async () => {
  const root = await mkdtemp(join(tmpdir(), 'content-'))
  await mkdir(join(root, 'ingest'))
  await writeFile(join(root, 'ingest', 'left'), 'half')
  await new FileContentStore(root).write(Promise.resolve([Buffer.from('x')]) as never).catch(() => undefined)
  expect(await readdir(join(root, 'ingest'))).toEqual([])
  await rm(root, { recursive: true })
})

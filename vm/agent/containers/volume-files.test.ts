import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { extract, pack } from 'tar-stream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { VolumeFiles } from './volume-files.ts'

let folder: string
let users: Set<string>
let files: VolumeFiles
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sw-vol-'))
  users = new Set()
  await mkdir(join(folder, 'data/sub'), { recursive: true })
  await writeFile(join(folder, 'secret'), 'outside')
  await writeFile(join(folder, 'data/a'), 'one')
  await symlink('../secret', join(folder, 'data/out'))
  files = new VolumeFiles(
    {
      acquire: async (_name, user) => {
        users.add(user)
        return join(folder, 'data')
      },
      release: async (_name, user) => void users.delete(user),
    },
    { mknod: () => undefined, setXattr: () => undefined, getXattr: () => undefined } as never,
  )
})
afterEach(async () => {
  expect([...users]).toEqual([])
  await rm(folder, { recursive: true })
})
const { signal } = new AbortController()

test('lists, packs, unpacks and removes, and no link leads out of the volume', async () => {
  expect((await files.list('v', '/')).map(({ name, kind }) => `${name} ${kind}`)).toEqual([
    'a file',
    'out symlink',
    'sub directory',
  ])
  await expect(files.list('v', '/out')).rejects.toMatchObject({ kind: 'not_found' })

  const tar = pack()
  tar.entry({ name: 'new' }, 'written')
  tar.finalize()
  await files.put('v', '/sub', Readable.from(tar), signal)
  expect(await readFile(join(folder, 'data/sub/new'), 'utf8')).toBe('written')

  const seen: string[] = []
  const back = extract()
  Readable.from(await files.get('v', '/sub', signal)).pipe(back)
  for await (const entry of back) {
    seen.push(entry.header.name)
    entry.resume()
  }
  expect(seen).toEqual(['sub/', 'sub/new'])
  await files.remove('v', '/sub')
  await files.remove('v', '/out')
  expect((await files.list('v', '/')).map(({ name }) => name)).toEqual(['a'])
  expect(await readFile(join(folder, 'secret'), 'utf8')).toBe('outside')
  await expect(files.remove('v', '/')).rejects.toMatchObject({ kind: 'invalid_argument' })
})

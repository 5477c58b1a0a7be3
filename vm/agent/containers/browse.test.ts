import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { listFolder, removeInside } from './browse.ts'
import { resolveInside } from './safe-path.ts'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'sw-browse-'))
  await mkdir(join(root, 'etc/sub'), { recursive: true })
  await writeFile(join(root, 'etc/hosts'), 'x'.repeat(12), { mode: 0o640 })
  await symlink('/etc/hosts', join(root, 'etc/link'))
  await symlink('/../../..', join(root, 'up'))
})
afterEach(() => rm(root, { recursive: true }))

const locate = (inside: string): string => join(root, inside)

test('lists a folder by name, links as links, and a file as itself', async () => {
  const files = await listFolder(locate, await resolveInside(locate, '/etc', { follow: true }))
  expect(files.map(({ name, kind, linkTarget }) => [name, kind, linkTarget])).toEqual([
    ['hosts', 'file', undefined],
    ['link', 'symlink', '/etc/hosts'],
    ['sub', 'directory', undefined],
  ])
  expect(files[0]).toMatchObject({ size: 12, mode: 0o640 })
  const [file] = await listFolder(locate, await resolveInside(locate, '/etc/hosts', { follow: true }))
  expect(file?.name).toBe('hosts')
})

test('a link out of the container leads back to its root, and the root stays', async () => {
  const files = await listFolder(locate, await resolveInside(locate, '/up', { follow: true }))
  expect(files.map(({ name }) => name)).toEqual(['etc', 'up'])
  await expect(removeInside(await resolveInside(locate, '/up', { follow: true }))).rejects.toMatchObject({
    kind: 'invalid_argument',
  })
  await removeInside(await resolveInside(locate, '/up'))
  await removeInside(await resolveInside(locate, '/etc'))
  expect(await listFolder(locate, await resolveInside(locate, '/'))).toEqual([])
})

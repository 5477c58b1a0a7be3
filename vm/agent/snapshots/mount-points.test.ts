import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { removeMountPoints, untouchedMountPoints } from './mount-points.ts'

const opaque = new Set<string>()
const kernel = {
  getXattr: (path: string) => (opaque.has(path) ? Buffer.from('y') : undefined),
}
let root: string
let upper: string
let lower: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'points-'))
  upper = join(root, 'upper')
  lower = join(root, 'lower')
  for (const path of ['upper/etc', 'upper/dev', 'upper/proc', 'lower/etc'])
    await mkdir(join(root, path), { recursive: true })
  await writeFile(join(upper, 'etc/hosts'), '')
  await writeFile(join(upper, 'etc/resolv.conf'), '')
})
afterEach(() => rm(root, { recursive: true, force: true }))

test('what was made to be mounted on is no change', async () => {
  expect(await untouchedMountPoints(kernel, [upper, lower])).toEqual([
    'etc/hosts',
    'etc/resolv.conf',
    'dev',
    'proc',
    'etc',
  ])
  await removeMountPoints(kernel, [upper, lower])
  expect(await readdir(upper)).toEqual([])
})

test('a change beside it is kept, with the folder that holds it', async () => {
  await writeFile(join(upper, 'etc/motd'), 'hello')
  await writeFile(join(upper, 'dev/null'), 'written by mistake')
  expect(await untouchedMountPoints(kernel, [upper, lower])).toEqual(['etc/hosts', 'etc/resolv.conf', 'proc'])
})

test('what the image has, and a folder with other rights, are changes', async () => {
  await writeFile(join(lower, 'etc/hosts'), 'of the image')
  await chmod(join(upper, 'etc'), 0o700)
  expect(await untouchedMountPoints(kernel, [upper, lower])).toEqual(['etc/resolv.conf', 'dev', 'proc'])
})

test('a folder that hides the one below it is a change', async () => {
  opaque.add(join(upper, 'etc'))
  expect(await untouchedMountPoints(kernel, [upper, lower])).not.toContain('etc')
})

test('a container without an own layer has none', async () => {
  expect(await untouchedMountPoints(kernel, [join(root, 'none')])).toEqual([])
  expect(await untouchedMountPoints(kernel, [])).toEqual([])
})

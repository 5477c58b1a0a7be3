import { rmSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { listChanges } from './changes.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'changes-'))
  for (const path of ['lower/kept', 'upper/kept', 'upper/made/inner'])
    await mkdir(join(folder, path), { recursive: true })
  for (const path of ['upper/kept/new', 'upper/made/inner/file', 'upper/over'])
    await writeFile(join(folder, path), 'x')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** What is found while `meanwhile` is called, in the middle of it. */
function look(meanwhile: () => void = () => undefined) {
  const getXattr = () => {
    meanwhile()
    return undefined
  }
  const [upper, lower] = [join(folder, 'upper'), [join(folder, 'lower')]]
  return listChanges({ kernel: { getXattr }, upper, lower, mounts: [] })
}

test('what the own layer has is told, its folders too', async () => {
  expect((await look()).map(({ Path, Kind }) => `${Kind} ${Path}`)).toEqual([
    '0 /kept',
    '1 /kept/new',
    '1 /made',
    '1 /made/inner',
    '1 /made/inner/file',
    '1 /over',
  ])
})

test('what a running container removes meanwhile is left out', async () => {
  const removed = ['kept/new', 'made/inner', 'over'].map((path) => join(folder, 'upper', path))
  const remove = () => {
    for (const path of removed) rmSync(path, { recursive: true, force: true })
  }
  expect((await look(remove)).map(({ Path }) => Path)).toEqual(['/made'])
})

test('a layer that is not there is no layer without changes', async () => {
  await rm(join(folder, 'upper'), { recursive: true })
  await expect(look()).rejects.toThrow('ENOENT')
})

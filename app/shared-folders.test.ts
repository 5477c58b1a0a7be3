import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { checkSharedFolders, completeFolder } from './shared-folders.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sw-folders-'))
  for (const name of ['app', 'apple', '.hidden', 'b']) await mkdir(join(folder, name))
  await writeFile(join(folder, 'appendix.txt'), '')
})
afterEach(() => rm(folder, { recursive: true }))

test('folders are kept clean and once', async () => {
  const given = [`${folder}/app/`, `${folder}/b/../app`, folder, '/']
  expect(await checkSharedFolders(given, [])).toEqual([`${folder}/app`, folder, '/'])
})

test('what is no folder is refused by its name', async () => {
  const refusal = (path: string) => checkSharedFolders([folder, path], [])
  await expect(refusal('app')).rejects.toMatchObject({
    kind: 'invalid_argument',
    message: 'sharedFolders: app is not an absolute path',
  })
  await expect(refusal(`${folder}/none`)).rejects.toThrow(`sharedFolders: ${folder}/none does not exist`)
  await expect(refusal(`${folder}/appendix.txt`)).rejects.toThrow(
    `sharedFolders: ${folder}/appendix.txt is not a folder`,
  )
})

test('a folder that is gone for now stays in the list', async () => {
  const gone = `${folder}/unplugged`
  expect(await checkSharedFolders([gone, `${folder}/b`], [gone])).toEqual([gone, `${folder}/b`])
})

test('completion offers the shared folders and what is in them, nothing else', async () => {
  expect(await completeFolder('', [folder])).toEqual([folder])
  expect(await completeFolder(`${folder}/app`, [folder])).toEqual([`${folder}/app`, `${folder}/apple`])
  expect(await completeFolder(`${folder}/`, [folder])).toEqual(
    ['app', 'apple', 'b'].map((name) => join(folder, name)),
  )
  expect(await completeFolder(`${folder}/.`, [folder])).toEqual([`${folder}/.hidden`])
  expect(await completeFolder(`${folder}/none/x`, [folder])).toEqual([])
  expect(await completeFolder(`${folder}/`, [`${folder}/b`])).toEqual([`${folder}/b`])
  expect(await completeFolder(`${folder}/b/../`, [`${folder}/b`])).toEqual([])
})

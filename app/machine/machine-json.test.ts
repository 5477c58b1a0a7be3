import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { MachineFile } from './machine-json.ts'

let folder: string
let path: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'json-'))
  path = join(folder, 'machine.json')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test('a machine has one identity and remembers what it is told', async () => {
  const file = await MachineFile.open(path)
  await file.update((record) => ({ ...record, sshPort: 4022 }))
  const again = await MachineFile.open(path)
  expect(again.record).toEqual({ version: 1, id: file.record.id, sshPort: 4022, verdicts: {} })
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  expect(await readdir(folder)).toEqual(['machine.json'])
})

test.each(['{"version": 1, "id": ', '{"version": 2}', '[]'])('%s is put aside, not lost', async (text) => {
  await writeFile(path, text)
  const file = await MachineFile.open(path)
  expect(file.record.verdicts).toEqual({})
  expect(await readFile(`${path}.damaged`, 'utf8')).toBe(text)
})

test('changes at the same time are all kept', async () => {
  const file = await MachineFile.open(path)
  await Promise.all([
    file.update((record) => ({ ...record, sshPort: 4022 })),
    file.update((record) => ({ ...record, memory: { key: 'k', bytes: 1, failures: 0 } })),
  ])
  expect((await MachineFile.open(path)).record).toMatchObject({ sshPort: 4022, memory: { key: 'k' } })
})

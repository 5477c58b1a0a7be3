import { mkdtemp, open, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ensureDisk, GiB } from './disk.ts'

let folder: string
let path: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'disk-'))
  path = join(folder, 'home', 'data.img')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test('a new disk is sparse and private', async () => {
  await ensureDisk(path, 64 * GiB)
  const facts = await stat(path)
  expect([facts.size, facts.blocks * 512 < 1024 * 1024, facts.mode & 0o777]).toEqual([64 * GiB, true, 0o600])
})

test('growing keeps what is on it', async () => {
  await ensureDisk(path, 1024 * 1024)
  const file = await open(path, 'r+')
  await file.write('precious', 4096)
  await file.close()
  await ensureDisk(path, 2 * 1024 * 1024)
  await ensureDisk(path, 2 * 1024 * 1024)
  const bytes = await readFile(path)
  expect([bytes.length, bytes.toString('latin1', 4096, 4104)]).toEqual([2 * 1024 * 1024, 'precious'])
})

test('shrinking is refused and changes nothing', async () => {
  await ensureDisk(path, 2 * GiB)
  await expect(ensureDisk(path, 1.5 * GiB)).rejects.toMatchObject({
    kind: 'invalid_argument',
    message: `data disk ${path}: cannot shrink from 2 GiB to 1.5 GiB`,
    details: { size: 2 * GiB, wanted: 1.5 * GiB },
  })
  expect((await stat(path)).size).toBe(2 * GiB)
})

test('a disk that cannot be opened is named', async () => {
  await expect(ensureDisk(folder, GiB)).rejects.toMatchObject({
    kind: 'vm_failed',
    message: expect.stringContaining(folder),
  })
})

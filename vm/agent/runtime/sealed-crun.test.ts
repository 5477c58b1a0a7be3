import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FakeKernel } from '../linux/fake.ts'
import { MountFlag } from '../linux/kernel.ts'
import { sealCrun } from './sealed-crun.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sealed-'))
})
afterEach(() => rm(folder, { recursive: true }))

test('binds crun and makes the mount read-only, which a bind alone is not', () => {
  const kernel = new FakeKernel()
  const target = join(folder, 'crun')
  sealCrun(kernel, target)
  expect(kernel.mounts).toEqual([
    { type: '', source: '/usr/bin/crun', target, flags: MountFlag.BIND },
    { type: '', source: '', target, flags: MountFlag.BIND | MountFlag.REMOUNT | MountFlag.READONLY },
  ])
})

test('the mount of an earlier agent is used again', async () => {
  const kernel = new FakeKernel()
  await writeFile(join(folder, 'crun'), 'a program')
  sealCrun(kernel, join(folder, 'crun'))
  expect(kernel.mounts).toEqual([])
})

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Lock } from './lock.ts'

let folder: string
let path: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lock-'))
  path = join(folder, 'machine.lock')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', ''])
  await once(child, 'exit')
  return child.pid ?? 0
}

test('a second owner is refused and told who holds it; released, it can be taken', async () => {
  const first = await Lock.acquire(path)
  await expect(Lock.acquire(path)).rejects.toMatchObject({ kind: 'conflict', details: { pid: process.pid } })
  await first[Symbol.asyncDispose]()
  const second = await Lock.acquire(path)
  await second[Symbol.asyncDispose]()
  expect(await readdir(folder)).toEqual(['machine.lock.2'])
})

test("a dead owner's lock is taken over", async () => {
  await writeFile(`${path}.7`, JSON.stringify({ pid: await deadPid(), token: 'old' }))
  const lock = await Lock.acquire(path)
  expect(JSON.parse(await readFile(`${path}.8`, 'utf8'))).toMatchObject({ pid: process.pid })
  await lock[Symbol.asyncDispose]()
})

test.runIf(process.platform === 'linux')('a recycled pid is not the owner', async () => {
  await writeFile(`${path}.1`, JSON.stringify({ pid: process.pid, identity: 'long ago', token: 'old' }))
  const lock = await Lock.acquire(path)
  await lock[Symbol.asyncDispose]()
})

test('of many that find a dead owner at once, exactly one wins', async () => {
  for (let round = 0; round < 5; round++) {
    await writeFile(
      `${path}.${round * 2 + 1}`,
      JSON.stringify({ pid: await deadPid(), token: `old${round}` }),
    )
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => Lock.acquire(path)))
    const won = results.filter((result) => result.status === 'fulfilled')
    expect(won).toHaveLength(1)
    await won[0]?.value[Symbol.asyncDispose]()
  }
  expect(await readdir(folder)).toEqual(['machine.lock.10'])
})

test('taken and given back by many at once, it is never held by two', async () => {
  let holders = 0
  let most = 0
  let taken = 0
  const rival = async () => {
    while (taken < 60) {
      const lock = await Lock.acquire(path).catch(() => undefined)
      if (!lock) continue
      taken += 1
      holders += 1
      most = Math.max(most, holders)
      await new Promise((resolve) => setImmediate(resolve))
      holders -= 1
      await lock[Symbol.asyncDispose]()
    }
  }
  await Promise.all(Array.from({ length: 6 }, rival))
  expect(most).toBe(1)
})

test('a lock whose folder was removed is given back all the same', async () => {
  const lock = await Lock.acquire(path)
  await rm(folder, { recursive: true })
  await lock[Symbol.asyncDispose]()
})

test('a torn lock file does not lock anybody out', async () => {
  await writeFile(`${path}.3`, '{"pid": 12')
  await (await Lock.acquire(path))[Symbol.asyncDispose]()
})

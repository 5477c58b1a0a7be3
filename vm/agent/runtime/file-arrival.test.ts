import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FileArrival } from './file-arrival.ts'
import { readIfThere } from './task-state.ts'

let folder: string
let arrivals: FileArrival
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'arrival-'))
  arrivals = new FileArrival(folder)
})
afterEach(async () => {
  arrivals[Symbol.dispose]()
  await rm(folder, { recursive: true })
})

const look = (name: string) => async () => (await readIfThere(join(folder, name))) || undefined

test('finds a file that is there already', async () => {
  await writeFile(join(folder, 'a'), '1')
  expect(await arrivals.wait('a', look('a'))).toBe('1')
})

test('finds one that is renamed into place, for everybody who waits', async () => {
  const waits = [arrivals.wait('b', look('b')), arrivals.wait('b', look('b'))]
  await writeFile(join(folder, 'b.tmp'), '2')
  await rename(join(folder, 'b.tmp'), join(folder, 'b'))
  expect(await Promise.all(waits)).toEqual(['2', '2'])
})

test('looks again when a file is made empty and filled later', async () => {
  const wait = arrivals.wait('c', look('c'))
  await writeFile(join(folder, 'c'), '')
  await new Promise((resolve) => setTimeout(resolve, 20))
  await writeFile(join(folder, 'c'), '3')
  expect(await wait).toBe('3')
})

test('ends with the reason of the signal, or with the failure of the look', async () => {
  const stop = new AbortController()
  const wait = arrivals.wait('d', look('d'), { signal: stop.signal })
  stop.abort(new Error('enough'))
  await expect(wait).rejects.toThrow('enough')
  await expect(arrivals.wait('e', () => readFile(folder, 'utf8'))).rejects.toThrow('EISDIR')
})

import { appendFile, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { tailFile } from './file-tail.ts'

let folder: string
let path: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sw-tail-'))
  path = join(folder, 'x.log')
})
afterEach(() => rm(folder, { recursive: true }))

test('begins at a line, follows what is appended, characters whole', async () => {
  await writeFile(path, 'one\ntwo\nthree\n')
  const abort = new AbortController()
  const tail = tailFile(path, { signal: abort.signal, last: 8, period: 5 })
  expect((await tail.next()).value).toBe('three\n')
  const word = Buffer.from('끝\n')
  await appendFile(path, word.subarray(0, 2))
  await appendFile(path, word.subarray(2))
  let text = ''
  while (!text.endsWith('\n')) text += (await tail.next()).value
  expect(text).toBe('끝\n')
  const end = tail.next()
  abort.abort()
  expect((await end).done).toBe(true)
})

test('a file that is replaced is read from its beginning, one that is not there yet is waited for', async () => {
  const abort = new AbortController()
  const tail = tailFile(path, { signal: abort.signal, period: 5 })
  const first = tail.next()
  await writeFile(path, 'first boot\n')
  expect((await first).value).toBe('first boot\n')
  const second = tail.next()
  await writeFile(`${path}.new`, 'second boot is longer\n')
  await rename(`${path}.new`, path)
  expect((await second).value).toBe('second boot is longer\n')
  abort.abort()
})

test('once ends after what is there', async () => {
  const { signal } = new AbortController()
  const seen: string[] = []
  for await (const text of tailFile(path, { signal, once: true })) seen.push(text)
  await writeFile(path, 'x')
  for await (const text of tailFile(path, { signal, once: true })) seen.push(text)
  expect(seen).toEqual(['x'])
})

import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Log } from './log.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sw-log-'))
})
afterEach(() => rm(folder, { recursive: true }))

const now = (): Date => new Date(0)

test('one private line per entry, with details and the error with its cause', async () => {
  const path = join(folder, 'app.log')
  const log = new Log(path, { now })
  log.debug('dropped')
  log.info('two\nlines', { port: 80 })
  log.error('failed', new Error('outer', { cause: new Error('inner') }))
  const [first, second, ...rest] = (await readFile(path, 'utf8')).split('\n')
  expect(first).toBe('1970-01-01T00:00:00.000Z info  two\\nlines {"port":80}')
  expect(second).toContain('"cause":{"name":"Error","message":"inner"')
  expect(rest).toEqual([''])
  expect((await stat(path)).mode & 0o777).toBe(0o600)
})

test('two files of bounded size are the most there is, also over restarts', async () => {
  const path = join(folder, 'app.log')
  for (let round = 0; round < 3; round++) {
    const log = new Log(path, { limit: 1000 })
    for (let entry = 0; entry < 50; entry++) log.info('x'.repeat(50))
  }
  expect((await stat(path)).size).toBeLessThan(1200)
  expect((await stat(`${path}.1`)).size).toBeLessThan(1200)
})

test('a log that cannot be written, or details that are no JSON, never throw', () => {
  const echoed: string[] = []
  const log = new Log(join(folder, 'missing', 'app.log'), { echo: (line) => echoed.push(line) })
  const loop: Record<string, unknown> = { big: 1n }
  loop['self'] = loop
  log.info('x', loop)
  expect(echoed[0]).toContain('ENOENT')
  expect(echoed[1]).toContain('"big":"1","self":"[circular]"')
})

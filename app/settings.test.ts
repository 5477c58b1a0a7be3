import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { defaultSettings, SettingsStore } from './settings.ts'
import { Log } from './shell/log.ts'

const LINUX = { platform: 'linux', home: '/home/me' } as const
const defaults = defaultSettings({ cores: 8, memoryMiB: 16_384, ...LINUX })
let folder: string
let path: string
let log: Log
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sw-set-'))
  path = join(folder, 'settings.json')
  log = new Log(join(folder, 'app.log'))
})
afterEach(() => rm(folder, { recursive: true }))

const open = (): Promise<SettingsStore> => SettingsStore.open(path, defaults, log)

test('defaults follow the host', () => {
  expect(defaults).toMatchObject({ cpus: 4, memoryMiB: 2048 })
  expect(defaultSettings({ cores: 1, memoryMiB: 1500, ...LINUX })).toMatchObject({
    cpus: 1,
    memoryMiB: 1024,
  })
  const folders = (platform: 'linux' | 'darwin' | 'win32', home: string) =>
    defaultSettings({ cores: 1, memoryMiB: 1500, platform, home }).sharedFolders
  expect(folders('linux', '/home/me')).toEqual(['/home/me'])
  expect(folders('darwin', '/Users/me')).toEqual(['/Users', '/Volumes', '/private', '/tmp', '/var/folders'])
  expect(folders('win32', 'D:\\people\\me')).toEqual(['D:\\'])
})

test('a change is on disk, private, before it is announced, and there after a restart', async () => {
  const store = await open()
  const seen: unknown[] = []
  const unsubscribe = store.subscribe((value) => seen.push(value.cpus))
  await store.patch({ cpus: 2 })
  unsubscribe()
  await store.patch({ cpus: 3, theme: 'dark' })
  expect(seen).toEqual([2])
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  expect((await open()).value).toEqual({ ...defaults, cpus: 3, theme: 'dark' })
})

test('two changes at once are both kept', async () => {
  const store = await open()
  await Promise.all([store.patch({ cpus: 2 }), store.patch({ theme: 'dark' })])
  expect((await open()).value).toMatchObject({ cpus: 2, theme: 'dark' })
})

test('the disk does not shrink, and a refused change does not stop the next', async () => {
  const store = await open()
  await expect(store.patch({ diskGiB: 10 })).rejects.toMatchObject({ kind: 'invalid_argument' })
  await store.patch({ diskGiB: 100 })
  await store.reset({ keepDisk: true })
  expect(store.value).toEqual({ ...defaults, diskGiB: 100 })
})

test('a part of a file is enough; what does not fit falls back alone, and the log says so', async () => {
  await writeFile(path, JSON.stringify({ cpus: 'many', theme: 'dark', colour: 'red' }))
  expect((await open()).value).toEqual({ ...defaults, theme: 'dark' })
  const text = await readFile(join(folder, 'app.log'), 'utf8')
  expect(text).toContain('settings.json: cpus: ')
  expect(text).toContain('unknown key colour')
})

test('a file that is no JSON is kept aside', async () => {
  await writeFile(path, '{"cpus":')
  expect((await open()).value).toEqual(defaults)
  expect(await readFile(`${path}.bad`, 'utf8')).toBe('{"cpus":')
})

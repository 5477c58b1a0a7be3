import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { HostPlatform } from '../../api/host-paths.ts'
import { Folders } from './folders.ts'

let folder: string
/** Stands for the mounted folders of the user's computer. */
let root: string
let mounted: number
let connected: boolean
let onHost: string[]
let asked: string[]
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'folders-'))
  root = join(folder, 'mounted')
  await mkdir(join(root, 'home/me/app'), { recursive: true })
  await writeFile(join(folder, 'in-the-vm'), '')
  mounted = 0
  connected = true
  onHost = []
  asked = []
})
afterEach(() => rm(folder, { recursive: true }))

function make(sharedFolders = ['/home/me'], hostPlatform: HostPlatform = 'linux'): Folders {
  return new Folders({
    root,
    mount: {
      ensure: async () => {
        mounted++
      },
    },
    config: () => ({ sharedFolders, hostPlatform }),
    host: {
      wait: async () => connected,
      pathExists: async (path) => {
        asked.push(path)
        return onHost.includes(path)
      },
    },
    own: ['/proc'],
    socket: '/run/slipway/engine.sock',
  })
}

test('a source in a shared folder is found below the mount, which is made first', async () => {
  const folders = make()
  expect(await folders.locate('/home/me/app')).toEqual({ path: join(root, 'home/me/app'), exists: true })
  expect(await folders.locate('/home/me/new/deep')).toEqual({
    path: join(root, 'home/me/new/deep'),
    exists: false,
  })
  expect([mounted, asked]).toEqual([2, []])
})

test('links are those of the user’s computer, not of the VM', async () => {
  await symlink('/home/me/app', join(root, 'home/me/current'))
  const { path } = await make().locate('/home/me/current')
  expect(path).toBe(join(root, 'home/me/app'))
})

test('what the VM has is the VM’s, and nobody is asked', async () => {
  const path = join(folder, 'in-the-vm')
  onHost = [path]
  expect(await make().locate(path)).toEqual({ path, exists: true })
  expect([mounted, asked]).toEqual([0, []])
})

test('what only the user’s computer has is refused, with where to share it', async () => {
  const path = join(folder, 'on-the-host')
  onHost = [path]
  for (const refused of [make().locate(path), make().check(path)]) {
    await expect(refused).rejects.toMatchObject({
      kind: 'permission_denied',
      message: expect.stringMatching(
        /^Mounts denied: The path .*on-the-host is not shared from the host.*Settings → Shared folders/,
      ),
    })
  }
})

test('what neither has is the VM’s to make, also when no app is there to ask', async () => {
  const path = join(folder, 'nowhere')
  expect(await make().locate(path)).toEqual({ path, exists: false })
  onHost = [path]
  connected = false
  expect(await make().locate(path)).toEqual({ path, exists: false })
  expect(asked).toEqual([path])
})

test('a shared path is not looked at by the check, which a container’s creation waits for', async () => {
  await make().check('/home/me/nothing')
  expect(mounted).toBe(0)
})

test('a drive of Windows that is not shared is refused without a question', async () => {
  await expect(make(['C:\\Users'], 'win32').locate('D:\\data')).rejects.toThrow(
    'Mounts denied: The path D:\\data is not shared',
  )
  expect(asked).toEqual([])
})

test('a folder that does not come is told with its name', async () => {
  const folders = new Folders({
    root,
    mount: {
      ensure: ({ signal }) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    },
    config: () => ({ sharedFolders: ['/home/me'], hostPlatform: 'linux' }),
    host: { wait: async () => false, pathExists: async () => false },
    own: [],
    socket: '',
  })
  await expect(folders.locate('/home/me/app', { wait: 10 })).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringMatching(/^shared folder \/home\/me\/app: /),
  })
})

test('a start waits for the app when that is to be asked', async () => {
  const folders = make()
  const answers = [
    '/home/me/app',
    join(folder, 'in-the-vm'),
    join(folder, 'nowhere'),
    '/proc/none',
    '/x/docker.sock',
  ]
  expect(await Promise.all(answers.map((source) => folders.needsHost(source)))).toEqual([
    true,
    false,
    true,
    false,
    false,
  ])
})

test('what the VM cannot look at is told, not taken for missing', async () => {
  const path = join(folder, 'loop')
  await symlink(path, path)
  await expect(make().locate(path)).rejects.toMatchObject({ code: 'ELOOP' })
  expect(asked).toEqual([])
})

import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { prepareHome, resolveHome } from './home.ts'

test('a home from the environment, with sockets inside it', () => {
  const home = resolveHome({ SLIPWAY_HOME: '/tmp/sw' }, 'linux')
  expect(home).toMatchObject({
    root: '/tmp/sw',
    dockerSocket: '/tmp/sw/docker.sock',
    controlSocket: '/tmp/sw/control.sock',
    dockerHost: 'unix:///tmp/sw/docker.sock',
  })
})

test('Windows uses named pipes that differ per home', () => {
  const one = resolveHome({ SLIPWAY_HOME: '/tmp/one' }, 'win32')
  const two = resolveHome({ SLIPWAY_HOME: '/tmp/two' }, 'win32')
  expect(one.dockerHost).toMatch(/^npipe:\/\/\/\/\.\/pipe\/slipway-docker-[0-9a-f]{16}$/)
  expect(one.dockerSocket).not.toBe(two.dockerSocket)
})

test('a path that no socket can have is refused, one byte less is accepted', () => {
  const fits = `/${'h'.repeat(103 - 1 - '/control.sock'.length)}`
  expect(Buffer.byteLength(resolveHome({ SLIPWAY_HOME: fits }, 'darwin').controlSocket)).toBe(103)
  expect(() => resolveHome({ SLIPWAY_HOME: `${fits}h` }, 'darwin')).toThrow(
    expect.objectContaining({ kind: 'invalid_argument', hint: expect.stringContaining('shorter') }),
  )
})

test('the folder is made private even when it was not', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sw-'))
  const home = resolveHome({ SLIPWAY_HOME: join(folder, 'home') })
  await prepareHome(home)
  expect((await stat(home.root)).mode & 0o777).toBe(0o700)
  await rm(folder, { recursive: true })
})

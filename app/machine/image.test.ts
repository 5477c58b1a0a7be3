import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { locateImage } from './image.ts'

let root: string
let agent: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'image-'))
  agent = join(root, 'main.js')
  await writeFile(agent, '')
})
afterEach(() => rm(root, { recursive: true, force: true }))

async function image(folder: string, changes: Record<string, unknown> = {}): Promise<string> {
  const path = join(root, folder)
  await mkdir(path, { recursive: true })
  const names = ['vmlinuz', 'initrd.img', 'system.img']
  for (const name of names) await writeFile(join(path, name), name)
  const sizes = Object.fromEntries(names.map((name) => [name, name.length]))
  const manifest = {
    version: 1,
    arch: 'x64',
    recipe: folder,
    console: 'ttyS0',
    kernelArguments: ['audit=0'],
    sizes,
    ...changes,
  }
  await writeFile(join(path, 'manifest.json'), JSON.stringify(manifest))
  return path
}
const cached = (hash: string) => image(`slipway/image/x64-${hash}`, { recipe: hash })
const locate = (env: NodeJS.ProcessEnv = {}, resources?: string, recipe?: string) =>
  locateImage({
    arch: 'x64',
    agent,
    recipe: () => Promise.resolve(recipe),
    env: { XDG_CACHE_HOME: root, ...env },
    ...(resources ? { resources } : {}),
  })

test('without any image the error says how to get one', async () => {
  await expect(locate()).rejects.toMatchObject({
    kind: 'not_found',
    message: `no system image for x64 in ${join(root, 'slipway/image')}`,
    hint: expect.stringContaining('npm run image'),
  })
})

test('the newest of the cache is taken; an unfinished one is not', async () => {
  const old = await cached('old')
  await cached('new')
  await utimes(join(old, 'manifest.json'), 1, 1)
  await mkdir(join(root, 'slipway/image/x64-unfinished'))
  expect(await locate()).toEqual({
    arch: 'x64',
    recipe: 'new',
    console: 'ttyS0',
    kernelArguments: ['audit=0'],
    kernel: join(root, 'slipway/image/x64-new/vmlinuz'),
    initrd: join(root, 'slipway/image/x64-new/initrd.img'),
    systemDisk: join(root, 'slipway/image/x64-new/system.img'),
    agent,
  })
})

test('a checkout takes the image of its own recipe, and no other', async () => {
  const old = await cached('mine')
  await cached('newer')
  await utimes(join(old, 'manifest.json'), 1, 1)
  expect((await locate({}, undefined, 'mine')).recipe).toBe('mine')
  await expect(locate({}, undefined, 'changed')).rejects.toMatchObject({
    kind: 'not_found',
    message: `no system image for x64 in ${join(root, 'slipway/image')} of this checkout's recipe (changed)`,
  })
})

test('the checkout that runs is found by itself', async () => {
  await expect(locateImage({ arch: 'x64', agent, env: { XDG_CACHE_HOME: root } })).rejects.toThrow(
    /of this checkout's recipe \([0-9a-f]{12}\)$/,
  )
})

test('SLIPWAY_IMAGE wins over the packaged one, which wins over the cache', async () => {
  await cached('cached')
  await image('resources/image/x64')
  expect((await locate({}, join(root, 'resources'))).recipe).toBe('resources/image/x64')
  const mine = await image('mine')
  expect((await locate({ SLIPWAY_IMAGE: mine }, join(root, 'resources'))).recipe).toBe('mine')
})

test('an image that is meant and not usable is an error, not passed over', async () => {
  await cached('cached')
  await expect(locate({ SLIPWAY_IMAGE: join(root, 'none') })).rejects.toMatchObject({ kind: 'not_found' })
  const foreign = await image('foreign', { arch: 'arm64' })
  await expect(locate({ SLIPWAY_IMAGE: foreign })).rejects.toThrow('is for arm64, not x64')
  const torn = await image('torn')
  await writeFile(join(torn, 'system.img'), 'short')
  await expect(locate({ SLIPWAY_IMAGE: torn })).rejects.toMatchObject({
    kind: 'data_loss',
    message: expect.stringContaining('system.img has 5 bytes instead of 10'),
  })
})

import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { recipeFolder, recipeHash } from './recipe.ts'

let root: string
let recipe: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'recipe-'))
  recipe = join(root, 'image')
  await mkdir(join(recipe, 'rootfs/etc'), { recursive: true })
  await mkdir(join(root, 'api'))
  await writeFile(join(root, 'api/cpio.ts'), 'cpio')
  await writeFile(join(recipe, 'packages.ts'), 'list')
  await writeFile(join(recipe, 'rootfs/etc/passwd'), 'root')
})
afterEach(() => rm(root, { recursive: true }))

test('is 12 hex digits, the same for the same files wherever they are', async () => {
  const hash = await recipeHash('x64', recipe)
  expect(hash).toMatch(/^[0-9a-f]{12}$/)
  await cp(root, `${root}-copy`, { recursive: true })
  try {
    expect(await recipeHash('x64', `${root}-copy/image`)).toBe(hash)
  } finally {
    await rm(`${root}-copy`, { recursive: true })
  }
})

test('changes with each file that shapes an image, its path and the architecture', async () => {
  const hashes = [await recipeHash('x64', recipe), await recipeHash('arm64', recipe)]
  await writeFile(join(recipe, 'rootfs/etc/passwd'), 'root2')
  hashes.push(await recipeHash('x64', recipe))
  await writeFile(join(recipe, 'rootfs/etc/group'), '')
  hashes.push(await recipeHash('x64', recipe))
  await writeFile(join(root, 'api/cpio.ts'), 'cpio2')
  hashes.push(await recipeHash('x64', recipe))
  expect(new Set(hashes).size).toBe(hashes.length)
})

test('does not change with a test', async () => {
  const before = await recipeHash('x64', recipe)
  await writeFile(join(recipe, 'recipe.test.ts'), 'test')
  expect(await recipeHash('x64', recipe)).toBe(before)
})

test('finds its own folder', () => {
  expect(recipeFolder()).toBe(import.meta.dirname)
})

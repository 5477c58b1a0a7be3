import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Arch } from './packages.ts'

/** The checkout's `vm/image`, found from the source file as well as from its bundle in dist; undefined in a packaged app. */
export function recipeFolder(): string | undefined {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (dirname(folder) !== folder) {
    if (existsSync(join(folder, 'vm/image/rootfs'))) return join(folder, 'vm/image')
    folder = dirname(folder)
  }
  return undefined
}

/** Where images are kept: one folder per architecture and recipe. */
export function imageCache(): string {
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'slipway/image')
}

/** 12 hex digits over everything that shapes an image: each file of the recipe by path and content, and the architecture. */
export async function recipeHash(arch: Arch, recipe: string): Promise<string> {
  const hash = createHash('sha256').update(`${arch}\0`)
  const entries = await readdir(recipe, { recursive: true, withFileTypes: true })
  const inside = entries
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.test.ts'))
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(recipe.length + 1)
        .replaceAll('\\', '/'),
    )
    .sort()
  for (const path of inside)
    hash
      .update(`${path}\0`)
      .update(await readFile(join(recipe, path)))
      .update('\0')
  hash.update(await readFile(join(recipe, '../api/cpio.ts')))
  return hash.digest('hex').slice(0, 12)
}

/** What a user downloads of the system: the image's files, packed as a release packs them. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { type Figure, figure } from './measure.ts'

const FILES = ['vmlinuz', 'initrd.img', 'system.img']
export const DOWNLOAD = 'system image to download (zstd -19)'

/** Of the image that `recipe` names, as `slipway status` tells it. */
export async function imageFigure(recipe: string): Promise<Figure> {
  const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'slipway/image')
  const name = (await readdir(cache)).find((folder) => folder.endsWith(`-${recipe}`))
  if (!name) throw new Error(`${cache}: no image of recipe ${recipe}`)
  const folder = process.env['SLIPWAY_IMAGE'] ?? join(cache, name)
  const sizes = await Promise.all(FILES.map((file) => packedBytes(join(folder, file))))
  return figure(DOWNLOAD, 'MB', [sizes.reduce((sum, size) => sum + size, 0) / 1e6])
}

async function packedBytes(path: string): Promise<number> {
  const zstd = spawn('zstd', ['-19', '-T0', '-q', '-c', path], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(zstd, 'close')
  let bytes = 0
  for await (const chunk of zstd.stdout) bytes += (chunk as Buffer).length
  const [code] = await ended
  if (code !== 0) throw new Error(`zstd ${path}: exit code ${code}`)
  return bytes
}

import { readdir, readFile, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import * as v from 'valibot'
import { EngineError, messageOf } from '../../vm/api/errors.ts'
import { recipeFolder, recipeHash } from '../../vm/image/recipe.ts'
import { type Saying, saidError } from '../sayings.ts'
import type { Arch } from './driver.ts'

/** What a machine boots from. Paths are absolute. */
export interface MachineImage {
  readonly arch: Arch
  /** Hash of the recipe that built it. */
  readonly recipe: string
  readonly kernel: string
  readonly initrd: string
  readonly systemDisk: string
  /** The guest's serial console (`console=` of the kernel). */
  readonly console: string
  /** What its kernel is to be told. */
  readonly kernelArguments: readonly string[]
  /** The engine agent's bundle (`main.js`), which travels apart from the image. */
  readonly agent: string
}

export interface LocateOptions {
  readonly arch: Arch
  /** The engine agent's bundle. */
  readonly agent: string
  /** The packaged app's resources folder, when there is one; an image is looked for in its `image/<arch>`. */
  readonly resources?: string
  /** Hash of the recipe in the checkout that this program was built from; undefined outside of one. */
  readonly recipe?: (arch: Arch) => Promise<string | undefined>
  readonly env?: NodeJS.ProcessEnv
}

const FILES = ['vmlinuz', 'initrd.img', 'system.img'] as const

const manifestSchema = v.object({
  version: v.literal(1),
  arch: v.picklist(['x64', 'arm64']),
  recipe: v.string(),
  console: v.string(),
  kernelArguments: v.optional(v.array(v.string()), []),
  sizes: v.record(v.string(), v.number()),
})

/**
 * The image to boot: the folder of SLIPWAY_IMAGE, else the packaged one, else one of this architecture in
 * `${XDG_CACHE_HOME:-~/.cache}/slipway/image`: that of the checkout's recipe, outside of a checkout the newest. Fails with
 * 'not_found' and a hint when there is none, 'data_loss' when the one that is meant is damaged.
 */
export async function locateImage(options: LocateOptions): Promise<MachineImage> {
  const { arch, agent, resources, recipe = checkoutRecipe, env = process.env } = options
  if (!(await exists(agent))) throw missing(`engine agent ${agent}: not found`, 'Run `npm run build`.')
  const wanted = env['SLIPWAY_IMAGE']
  if (wanted) return readImage(resolve(wanted), arch, agent)
  const packaged = resources && join(resources, 'image', arch)
  if (packaged && (await exists(join(packaged, 'manifest.json')))) return readImage(packaged, arch, agent)
  const cache = join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'slipway', 'image')
  const hash = await recipe(arch)
  const folder = hash === undefined ? await newestIn(cache, arch) : join(cache, `${arch}-${hash}`)
  if (folder && (await exists(folder))) return readImage(folder, arch, agent)
  const saying: Saying =
    hash === undefined
      ? { code: 'image_missing', values: { arch, folder: cache } }
      : { code: 'image_missing_recipe', values: { arch, folder: cache, hash } }
  throw saidError('not_found', saying, { hint: { code: 'image_build' } })
}

async function checkoutRecipe(arch: Arch): Promise<string | undefined> {
  const folder = recipeFolder()
  return folder && recipeHash(arch, folder)
}

/** The finished image whose manifest was written or touched last. */
async function newestIn(cache: string, arch: Arch): Promise<string | undefined> {
  const names = await readdir(cache).catch(() => [])
  const found = await Promise.all(
    names
      .filter((name) => name.startsWith(`${arch}-`))
      .map(async (name) => {
        const facts = await stat(join(cache, name, 'manifest.json')).catch(() => undefined)
        return { folder: join(cache, name), time: facts?.mtimeMs ?? 0 }
      }),
  )
  return found.filter(({ time }) => time > 0).sort((a, b) => b.time - a.time)[0]?.folder
}

async function readImage(folder: string, arch: Arch, agent: string): Promise<MachineImage> {
  const text = await readFile(join(folder, 'manifest.json'), 'utf8').catch((cause: unknown) => {
    throw missing(`system image ${folder}: no manifest.json`, 'Run `npm run image`.', cause)
  })
  let manifest: v.InferOutput<typeof manifestSchema>
  try {
    manifest = v.parse(manifestSchema, JSON.parse(text))
  } catch (cause) {
    throw damaged(folder, `manifest.json: ${messageOf(cause)}`, cause)
  }
  if (manifest.arch !== arch)
    throw missing(`system image ${folder}: is for ${manifest.arch}, not ${arch}`, '')
  for (const name of FILES) {
    const size = await stat(join(folder, name)).then(
      (facts) => facts.size,
      () => 0,
    )
    const expected = manifest.sizes[name]
    if (size !== expected) throw damaged(folder, `${name} has ${size} bytes instead of ${expected}`)
  }
  return {
    arch,
    recipe: manifest.recipe,
    console: manifest.console,
    kernelArguments: manifest.kernelArguments,
    kernel: join(folder, 'vmlinuz'),
    initrd: join(folder, 'initrd.img'),
    systemDisk: join(folder, 'system.img'),
    agent,
  }
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )

function missing(message: string, hint: string, cause?: unknown): EngineError {
  return new EngineError('not_found', message, { cause, ...(hint ? { hint } : {}) })
}

function damaged(folder: string, what: string, cause?: unknown): EngineError {
  const saying = { code: 'image_damaged', values: { folder }, detail: what } as const
  return saidError('data_loss', saying, { cause, hint: { code: 'image_again' } })
}

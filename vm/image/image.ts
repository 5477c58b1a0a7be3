import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { EngineError } from '../api/errors.ts'
import { fetchDebian, fetchNode } from './debian.ts'
import { writeErofs } from './erofs.ts'
import { buildInitramfs } from './initramfs.ts'
import { writeKernel } from './kernel.ts'
import { type ImageManifest, imageManifest } from './manifest.ts'
import { EARLY_MODULES, ENGINE_MODULES, KEPT_MODULES } from './module-list.ts'
import { builtinModules, installModules, readModules, selectModules } from './modules.ts'
import type { Arch } from './packages.ts'
import { imageCache, recipeFolder, recipeHash } from './recipe.ts'
import { buildRoot, normalizeModes } from './root-tree.ts'
import { missingTools, toolPath } from './tools.ts'
import { welcomeImage } from './welcome.ts'

export interface BuildProgress {
  /** Steps are numbered from 1. */
  readonly step: number
  readonly steps: number
  /** What is being done, for people. */
  readonly title: string
  /** The newest line of a program that the step runs. */
  readonly detail?: string
}

export interface BuildOptions {
  readonly arch: Arch
  /** Folder for the finished image; by default the cache's folder for the recipe. */
  readonly outDir?: string
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: BuildProgress) => void
}

export interface BuiltImage {
  readonly folder: string
  readonly manifest: ImageManifest
  /** True when a finished image of the same recipe was there already. */
  readonly cached: boolean
}

/**
 * The image of `arch`, built unless `outDir` holds one of the same recipe. It appears at `outDir` whole or not at all;
 * a folder of an older recipe there is replaced. Throws `unavailable` with the missing host packages in its hint.
 */
export async function buildImage(options: BuildOptions): Promise<BuiltImage> {
  const { arch } = options
  const recipe = recipeFolder()
  if (!recipe) throw new EngineError('not_found', 'the image recipe: no vm/image above this program')
  const hash = await recipeHash(arch, recipe)
  const folder = options.outDir ?? join(imageCache(), `${arch}-${hash}`)
  const present = await readManifest(folder)
  if (present?.recipe === hash) {
    // Who looks for an image takes the newest: this one is the recipe's.
    const now = new Date()
    await utimes(join(folder, 'manifest.json'), now, now)
    return { folder, manifest: present, cached: true }
  }
  requireTools()
  process.env['PATH'] = toolPath()
  await mkdir(dirname(folder), { recursive: true })
  const work = await mkdtemp(join(tmpdir(), 'slipway-image-'))
  const unfinished = await mkdtemp(join(dirname(folder), `.${basename(folder)}-`))
  try {
    const manifest = await assemble({ ...options, recipe, hash, work, target: unfinished })
    await chmod(unfinished, 0o755)
    await rm(folder, { recursive: true, force: true })
    await rename(unfinished, folder)
    return { folder, manifest, cached: false }
  } finally {
    await rm(work, { recursive: true, force: true })
    await rm(unfinished, { recursive: true, force: true })
  }
}

interface Assembly extends BuildOptions {
  readonly recipe: string
  readonly hash: string
  /** Scratch folder. */
  readonly work: string
  /** Folder that the finished files are written to. */
  readonly target: string
}

const STEPS = [
  'Downloading and unpacking Debian packages',
  'Downloading Node',
  'Unpacking the kernel and its modules',
  'Laying out the system root',
  'Packing the system disk',
] as const

async function assemble({
  arch,
  recipe,
  hash,
  work,
  target,
  signal,
  onProgress,
}: Assembly): Promise<ImageManifest> {
  const begin = (step: number): { signal: AbortSignal | undefined; onLine: (line: string) => void } => {
    signal?.throwIfAborted()
    const progress = { step, steps: STEPS.length, title: STEPS[step - 1] ?? '' }
    onProgress?.(progress)
    return { signal, onLine: (detail) => onProgress?.({ ...progress, detail }) }
  }
  const debian = join(work, 'debian')
  const root = join(work, 'root')
  const packages = await fetchDebian(arch, debian, begin(1))
  const node = await fetchNode(arch, join(work, 'node'), begin(2))
  begin(3)
  const release = await installKernel({ arch, debian, root, target, recipe, signal })
  begin(4)
  await buildRoot(root, { arch, debian, node, overlay: join(recipe, 'rootfs') })
  const welcome = await welcomeImage({
    arch,
    busybox: join(root, 'usr/bin/busybox'),
    files: join(recipe, 'welcome'),
  })
  await writeFile(join(target, 'welcome.tar'), welcome)
  await writeFile(join(root, 'usr/share/slipway/welcome.tar'), welcome)
  await normalizeModes(root)
  begin(5)
  await writeErofs(root, join(target, 'system.img'), signal)
  const manifest = await imageManifest(target, { arch, recipe: hash, release, packages })
  await writeFile(join(target, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  return manifest
}

interface KernelPlaces {
  readonly arch: Arch
  readonly debian: string
  readonly root: string
  readonly target: string
  readonly recipe: string
  readonly signal: AbortSignal | undefined
}

/** Kernel, initramfs and the root's modules; answers the kernel's release. */
async function installKernel({ arch, debian, root, target, recipe, signal }: KernelPlaces): Promise<string> {
  const release = (await readdir(join(debian, 'usr/lib/modules')))[0]
  if (!release) throw new EngineError('not_found', 'the kernel package holds no modules')
  const folder = join(debian, 'usr/lib/modules', release)
  await writeKernel(arch, join(debian, 'boot', `vmlinuz-${release}`), join(target, 'vmlinuz'), signal)
  const index = await readModules(folder, signal)
  const builtin = await builtinModules(folder)
  const kept = selectModules(index, [...EARLY_MODULES, ...ENGINE_MODULES, ...KEPT_MODULES], builtin)
  await installModules(folder, join(root, 'usr/lib/modules', release), kept)
  await mkdir(join(root, 'usr/lib/slipway'), { recursive: true })
  await writeFile(join(root, 'usr/lib/slipway/modules'), `${ENGINE_MODULES.join(' ')}\n`)
  const early = selectModules(index, EARLY_MODULES, builtin)
  const initramfs = await buildInitramfs({
    busybox: join(debian, 'usr/bin/busybox'),
    files: join(recipe, 'initramfs'),
    modulesFolder: folder,
    release,
    modules: early,
    load: EARLY_MODULES.filter((name) => index.has(name)),
  })
  await writeFile(join(target, 'initrd.img'), initramfs)
  return release
}

function requireTools(): void {
  const missing = missingTools()
  if (missing.length === 0) return
  throw new EngineError('unavailable', `building the image needs ${missing.join(', ')}`, {
    hint: `apt-get install ${missing.join(' ')}`,
    details: { packages: missing },
  })
}

async function readManifest(folder: string): Promise<ImageManifest | undefined> {
  const path = join(folder, 'manifest.json')
  if (!existsSync(path)) return undefined
  const manifest = JSON.parse(await readFile(path, 'utf8')) as Partial<ImageManifest>
  return manifest.version === 1 && manifest.recipe && manifest.sizes ? (manifest as ImageManifest) : undefined
}

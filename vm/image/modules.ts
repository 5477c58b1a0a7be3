import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { EngineError } from '../api/errors.ts'
import { moduleInfo } from './elf.ts'
import { run } from './run.ts'

export interface KernelModule {
  /** As in `modprobe NAME`: underscores, no suffix. */
  readonly name: string
  /** Path below the folder of the kernel's modules: `kernel/fs/erofs/erofs.ko`. */
  readonly path: string
  readonly depends: readonly string[]
  readonly aliases: readonly string[]
}

export type ModuleIndex = ReadonlyMap<string, KernelModule>

/** Decompresses every module below `folder` (`/usr/lib/modules/<release>`) in place and reads what each one says of itself. */
export async function readModules(folder: string, signal?: AbortSignal): Promise<ModuleIndex> {
  const kernel = join(folder, 'kernel')
  const names = await readdir(kernel, { recursive: true })
  const packed = names.filter((name) => name.endsWith('.ko.xz'))
  if (packed.length > 0)
    await run('xz', ['--decompress', '--threads=0', '--', ...packed], { cwd: kernel, signal })
  const index = new Map<string, KernelModule>()
  const files = names.map((name) => name.replace(/\.xz$/, '')).filter((name) => name.endsWith('.ko'))
  for (const file of files.sort()) {
    const info = moduleInfo(await readFile(join(kernel, file)))
    const values = (key: string): string[] => info.filter(([name]) => name === key).map(([, value]) => value)
    const name = moduleName(file)
    const depends = values('depends')
      .flatMap((list) => list.split(','))
      .filter((dependency) => dependency !== '')
    index.set(name, {
      name,
      path: `kernel/${file}`,
      depends: depends.map((dependency) => dependency.replaceAll('-', '_')),
      aliases: values('alias'),
    })
  }
  return index
}

/**
 * The modules that `wanted` names (`folder/`, `folder/name` or a bare name) with all that they depend on, sorted by
 * path. A bare name that is neither a module nor in `builtin` is an error; a folder that is not there is not.
 */
export function selectModules(
  index: ModuleIndex,
  wanted: readonly string[],
  builtin: ReadonlySet<string>,
): KernelModule[] {
  const chosen = new Map<string, KernelModule>()
  const add = (name: string): void => {
    const found = index.get(name)
    if (!found || chosen.has(name)) return
    chosen.set(name, found)
    for (const dependency of found.depends) add(dependency)
  }
  for (const want of wanted) {
    if (want.endsWith('/')) {
      for (const entry of index.values()) if (entry.path.startsWith(`kernel/${want}`)) add(entry.name)
    } else if (want.includes('/')) {
      add(moduleName(want))
    } else if (index.has(want)) {
      add(want)
    } else if (!builtin.has(want)) {
      throw new EngineError('not_found', `kernel module ${want}: the kernel package has none`)
    }
  }
  return [...chosen.values()].sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** Names of the modules that are part of the kernel itself. */
export async function builtinModules(folder: string): Promise<Set<string>> {
  const list = await readFile(join(folder, 'modules.builtin'), 'utf8')
  return new Set(
    list
      .split('\n')
      .filter((line) => line !== '')
      .map(moduleName),
  )
}

/** Copies `modules` into the new modules folder `to`, with the text indexes that busybox's modprobe reads. */
export async function installModules(
  from: string,
  to: string,
  modules: readonly KernelModule[],
): Promise<void> {
  for (const { path } of modules) {
    await mkdir(dirname(join(to, path)), { recursive: true })
    await cp(join(from, path), join(to, path))
  }
  await mkdir(to, { recursive: true })
  await writeFile(join(to, 'modules.dep'), dependencyIndex(modules))
  await writeFile(join(to, 'modules.alias'), aliasIndex(modules))
  await writeFile(join(to, 'modules.symbols'), '')
}

/** modules.dep: each module with all it needs. Read from the right, no name comes before one that it needs itself. */
export function dependencyIndex(modules: readonly KernelModule[]): string {
  const byName = new Map(modules.map((entry) => [entry.name, entry]))
  const visit = (entry: KernelModule, order: Set<KernelModule>): Set<KernelModule> => {
    for (const name of entry.depends) {
      const dependency = byName.get(name)
      if (dependency && !order.has(dependency)) visit(dependency, order)
    }
    return order.add(entry)
  }
  return modules
    .map((entry) => {
      const [, ...needed] = [...visit(entry, new Set())].reverse()
      return `${[`${entry.path}:`, ...needed.map(({ path }) => path)].join(' ')}\n`
    })
    .join('')
}

function aliasIndex(modules: readonly KernelModule[]): string {
  return modules.flatMap(({ name, aliases }) => aliases.map((alias) => `alias ${alias} ${name}\n`)).join('')
}

function moduleName(path: string): string {
  return (path.split('/').pop() ?? '').replace(/\.ko$/, '').replaceAll('-', '_')
}

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type CpioEntry, cpioArchive } from '../api/cpio.ts'
import { appletNames } from './busybox.ts'
import { dependencyIndex, type KernelModule } from './modules.ts'

export interface InitramfsSources {
  readonly busybox: string
  /** The recipe's init script and its tables. */
  readonly files: string
  readonly modulesFolder: string
  readonly release: string
  readonly modules: readonly KernelModule[]
  /** Names to load, in order. */
  readonly load: readonly string[]
}

/** Mount points of init; parents come by themselves. */
const FOLDERS: readonly string[] = ['dev', 'proc', 'rw', 'system', 'new', 'slipway', 'sys']

/** The initial root as a cpio archive, uncompressed: unpacking would cost the guest more than reading. */
export async function buildInitramfs(sources: InitramfsSources): Promise<Uint8Array> {
  const busybox = await readFile(sources.busybox)
  const modules = `lib/modules/${sources.release}`
  const entries: CpioEntry[] = [
    ...FOLDERS.map((path) => ({ path, mode: 0o755 })),
    { path: 'init', mode: 0o755, data: await readFile(join(sources.files, 'init')) },
    { path: 'etc/fstab.early', mode: 0o644, data: await readFile(join(sources.files, 'fstab.early')) },
    { path: 'etc/fstab.system', mode: 0o644, data: await readFile(join(sources.files, 'fstab.system')) },
    { path: 'etc/modules', mode: 0o644, data: `${sources.load.join(' ')}\n` },
    { path: 'bin/busybox', mode: 0o755, data: busybox },
    ...appletNames(busybox)
      .map((name) => ({ path: `bin/${name}`, mode: 0o777, link: 'busybox' }))
      .filter(({ path }) => path !== 'bin/busybox'),
    { path: `${modules}/modules.dep`, mode: 0o644, data: dependencyIndex(sources.modules) },
    { path: `${modules}/modules.alias`, mode: 0o644, data: '' },
    { path: `${modules}/modules.symbols`, mode: 0o644, data: '' },
  ]
  for (const { path } of sources.modules) {
    entries.push({
      path: `${modules}/${path}`,
      mode: 0o644,
      data: await readFile(join(sources.modulesFolder, path)),
    })
  }
  return cpioArchive(entries)
}

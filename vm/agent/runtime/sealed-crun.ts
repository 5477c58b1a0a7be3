/** crun where nothing can write to it. */
import { statSync, writeFileSync } from 'node:fs'
import { type Kernel, MountFlag } from '../linux/kernel.ts'
import { CRUN } from './paths.ts'

/** Tells crun that it runs from a read-only mount; it looks whether that is true. */
export const SEALED = { _LIBCONTAINER_CLONED_BINARY: '1' } as const

/**
 * Binds crun read-only on the file `target`, unless an earlier agent has. A container must not be able to write to the
 * program that made it (CVE-2019-5736). Started from anywhere else, crun therefore binds itself like this, runs itself
 * a second time from there and takes the mount away again: each time, for each container and each exec.
 */
export function sealCrun(kernel: Kernel, target: string): void {
  // What an earlier agent bound cannot be opened for writing any more.
  if ((statSync(target, { throwIfNoEntry: false })?.size ?? 0) > 0) return
  writeFileSync(target, '', { mode: 0o700 })
  kernel.mount({ type: '', source: CRUN, target, flags: MountFlag.BIND })
  kernel.mount({
    type: '',
    source: '',
    target,
    flags: MountFlag.BIND | MountFlag.REMOUNT | MountFlag.READONLY,
  })
}

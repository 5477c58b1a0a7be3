/** Where the runtime keeps its state; all on a tmpfs, as nothing of it outlives the machine's boot. */
import { join } from 'node:path'

export interface RuntimePaths {
  /** crun's state root. */
  crun: string
  /** conmon writes `<id>` with the exit code here. */
  exits: string
  /** crun writes `<exec>.pid` here; we `<exec>.json`. */
  execs: string
  /** TMPDIR of conmon: console sockets. */
  tmp: string
  /** The runtime as conmon and we start it: crun, bound read-only. */
  program: string
}

export function runtimePaths(runDir: string): RuntimePaths {
  const at = (name: string) => join(runDir, name)
  return {
    crun: at('crun'),
    exits: at('exits'),
    execs: at('execs'),
    tmp: at('tmp'),
    program: at('crun-sealed'),
  }
}

/** Programs of the image. */
export const CRUN = '/usr/bin/crun'
export const CONMON = '/usr/bin/conmon'

/** crun's global flags. */
export function crunFlags(paths: RuntimePaths): string[] {
  return ['--cgroup-manager=cgroupfs', `--root=${paths.crun}`]
}

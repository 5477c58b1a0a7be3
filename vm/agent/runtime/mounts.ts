/** Mounts of a container: Docker's defaults and what the user adds. Pure. */
import { EngineError } from '../../api/errors.ts'
import type { OciMount } from './oci.ts'

const DEFAULT_SHM = 64 * 1024 * 1024

export interface BindOptions {
  readonly?: boolean
  /** `rprivate` (default) · `private` · `rshared` · `shared` · `rslave` · `slave`. */
  propagation?: string
  /** Without the mounts below the source. */
  nonRecursive?: boolean
  /** Only the top mount becomes read-only, as before Docker 25. */
  readonlyNonRecursive?: boolean
}

/** A directory or file of the machine in the container. */
export function bindMount(source: string, destination: string, options: BindOptions = {}): OciMount {
  const access = options.readonly ? ['ro', ...(options.readonlyNonRecursive ? [] : ['rro'])] : ['rw']
  return {
    destination,
    type: 'bind',
    source,
    options: [options.nonRecursive ? 'bind' : 'rbind', ...access, options.propagation || 'rprivate'],
  }
}

/** Options of mount(8) that a tmpfs takes. */
const TMPFS_FLAGS = new Set(
  'ro rw exec noexec suid nosuid dev nodev atime noatime diratime nodiratime relatime norelatime strictatime nostrictatime sync async bind rbind private rprivate shared rshared slave rslave'.split(
    ' ',
  ),
)
const TMPFS_VALUES = new Set(['size', 'mode', 'uid', 'gid', 'nr_inodes', 'nr_blocks', 'mpol'])

/** `--tmpfs PATH[:OPTIONS]`. An option that a tmpfs does not have is invalid_argument. */
export function tmpfsMount(destination: string, options = ''): OciMount {
  const asked = options.split(',').filter(Boolean)
  for (const option of asked) {
    const [name = '', value] = option.split('=', 2)
    if (value === undefined ? !TMPFS_FLAGS.has(name) : !TMPFS_VALUES.has(name)) {
      throw new EngineError('invalid_argument', `invalid tmpfs option "${option}"`)
    }
  }
  const opposite: Record<string, string> = { noexec: 'exec', nosuid: 'suid', nodev: 'dev' }
  const defaults = Object.keys(opposite).filter(
    (name) => !asked.includes(opposite[name] ?? '') && !asked.includes(name),
  )
  return { destination, type: 'tmpfs', source: 'tmpfs', options: [...defaults, ...asked] }
}

/** What every container has, in mounting order. */
export function defaultMounts(options: {
  privileged: boolean
  writableCgroups: boolean
  shmSize: number | undefined
  shmPath: string | undefined
  /** `--ipc none`: no /dev/shm at all. */
  noShm?: boolean
}): OciMount[] {
  const restricted = ['nosuid', 'noexec', 'nodev']
  const access = options.privileged ? 'rw' : 'ro'
  const size = options.shmSize || DEFAULT_SHM
  const shm: OciMount = options.shmPath
    ? { destination: '/dev/shm', type: 'bind', source: options.shmPath, options: ['rbind', 'rprivate'] }
    : {
        destination: '/dev/shm',
        type: 'tmpfs',
        source: 'shm',
        options: [...restricted, 'mode=1777', `size=${size}`],
      }
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: restricted },
    {
      destination: '/dev',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
    },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
    },
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: [...restricted, access] },
    {
      destination: '/sys/fs/cgroup',
      type: 'cgroup',
      source: 'cgroup',
      options: [options.writableCgroups ? 'rw' : 'ro', ...restricted],
    },
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: restricted },
    ...(options.noShm ? [] : [shm]),
  ]
}

/** Defaults that no mount of the user's replaces, then the user's, parents first. */
export function mergeMounts(defaults: readonly OciMount[], own: readonly OciMount[]): OciMount[] {
  const paths = new Set(own.map(({ destination }) => clean(destination)))
  const replaced = (path: string) => paths.has(path) || (path.startsWith('/dev/') && paths.has('/dev'))
  const depth = ({ destination }: OciMount) => clean(destination).split('/').filter(Boolean).length
  const sorted = [...own].sort((a, b) => depth(a) - depth(b) || compare(a.destination, b.destination))
  return [...defaults.filter(({ destination }) => !replaced(destination)), ...sorted]
}

/**
 * Propagation of the root mount that the mounts need: a shared or slave mount works only below a root that lets
 * events through. undefined: the default (private).
 */
export function rootPropagation(own: readonly OciMount[]): string | undefined {
  const all = own.flatMap(({ options }) => options ?? [])
  if (all.includes('shared') || all.includes('rshared')) return 'shared'
  if (all.includes('slave') || all.includes('rslave')) return 'rslave'
  return undefined
}

const clean = (path: string): string => `/${path.split('/').filter(Boolean).join('/')}`
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

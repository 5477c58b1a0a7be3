/** Options of the local volume driver: `type`, `device` and `o`, as in mount(8). Pure. */
import { EngineError } from '../../api/errors.ts'
import { type Mount, MountFlag } from '../linux/kernel.ts'

type Options = Record<string, string> | null

const KNOWN = ['type', 'o', 'device']
/** Flags of mount(2) by their name in `o`; a name that is not here goes into the filesystem's own data. */
const FLAGS: Record<string, number> = {
  ro: MountFlag.READONLY,
  nosuid: MountFlag.NOSUID,
  nodev: MountFlag.NODEV,
  noexec: MountFlag.NOEXEC,
  noatime: MountFlag.NOATIME,
  bind: MountFlag.BIND,
  rbind: MountFlag.BIND | MountFlag.REC,
  rw: 0,
  defaults: 0,
}

export function checkOptions(name: string, options: Options): void {
  if (!options) return
  for (const key of Object.keys(options)) {
    if (!KNOWN.includes(key)) throw invalid(name, `invalid option: "${key}"`)
  }
  if (options['o'] !== undefined || options['type'] !== undefined) {
    if (!options['device']) throw invalid(name, 'missing required option: "device"')
  }
  if (options['device'] && !options['type'] && !isBind(options)) {
    throw invalid(name, 'missing required option: "type"')
  }
  const type = options['type'] ?? ''
  if (type === 'nfs' || type === 'nfs4' || type === 'cifs') {
    throw invalid(name, `invalid option: "type": ${type} is not supported`)
  }
}

/** What to mount on the volume's directory, or undefined when it is just a directory. */
export function mountOf(options: Options, target: string): Mount | undefined {
  if (!options?.['device']) return undefined
  const words = (options['o'] ?? '').split(',').filter((word) => word !== '')
  const flags = words.reduce((sum, word) => sum | (FLAGS[word] ?? 0), 0)
  const data = words.filter((word) => !(word in FLAGS)).join(',')
  const type = options['type'] ?? ''
  return {
    type: type === 'none' || isBind(options) ? 'none' : type,
    source: options['device'],
    target,
    flags,
    ...(data === '' ? {} : { data }),
  }
}

export function isBind(options: Options): boolean {
  return (options?.['o'] ?? '').split(',').some((word) => word === 'bind' || word === 'rbind')
}

function invalid(name: string, message: string): EngineError {
  return new EngineError('invalid_argument', `create ${name}: ${message}`)
}

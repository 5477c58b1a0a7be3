/** Flags of RUN: `--mount`, `--network`, `--security` (https://docs.docker.com/reference/dockerfile/#run---mount). Pure. */
import { EngineError } from '../../api/errors.ts'
import { resolveDirectory } from '../images/changes.ts'
import type { Step } from './dockerfile.ts'

export interface RunMount {
  type: 'bind' | 'cache' | 'tmpfs' | 'secret' | 'ssh'
  /** Absolute; of a secret that only goes into the environment: undefined. */
  target: string | undefined
  /** Below the root of what it comes from. */
  source: string
  /** A stage, an image or a named context; undefined: the build context (bind), nothing (cache). */
  from: string | undefined
  readOnly: boolean
  id: string | undefined
  sharing: 'shared' | 'private' | 'locked'
  mode: number | undefined
  uid: number
  gid: number
  required: boolean
  /** Bytes, of a tmpfs; 0: no limit. */
  size: number
  /** Name of the variable that holds the secret. */
  env: string | undefined
}

export interface RunFlags {
  mounts: RunMount[]
  network: 'default' | 'none' | 'host'
}

const KEYS: Record<RunMount['type'], readonly string[]> = {
  bind: ['from', 'source', 'target', 'rw'],
  cache: ['id', 'from', 'source', 'target', 'ro', 'rw', 'sharing', 'mode', 'uid', 'gid'],
  tmpfs: ['target', 'size'],
  secret: ['id', 'target', 'source', 'env', 'required', 'mode', 'uid', 'gid'],
  ssh: ['id', 'target', 'required', 'mode', 'uid', 'gid'],
}
const ALIASES: Record<string, string> = {
  src: 'source',
  dst: 'target',
  destination: 'target',
  readonly: 'ro',
  readwrite: 'rw',
}

/** invalid_argument or not_implemented names what is wrong. */
export function parseRunFlags(
  step: Step,
  expand: (text: string) => string,
  workingDir: string | undefined,
): RunFlags {
  const flags: RunFlags = { mounts: [], network: 'default' }
  for (const { name, value } of step.flags) {
    const text = expand(value)
    if (name === 'mount') flags.mounts.push(parseMount(text, workingDir))
    else if (name === 'network') flags.network = network(text)
    else if (name === 'security') security(text)
    else throw new EngineError('invalid_argument', `unknown flag: --${name} of RUN`)
  }
  return flags
}

function network(text: string): RunFlags['network'] {
  if (text === 'default' || text === 'none' || text === 'host') return text
  throw new EngineError('invalid_argument', `invalid network mode ${JSON.stringify(text)} of RUN`)
}

function security(text: string): void {
  if (text === 'sandbox') return
  throw new EngineError('not_implemented', `RUN --security=${text} is not supported by this builder`)
}

function parseMount(text: string, workingDir: string | undefined): RunMount {
  const values = new Map<string, string>()
  for (const item of text.split(',')) {
    const [key = '', ...rest] = item.split('=')
    const name = key.trim().toLowerCase()
    values.set(ALIASES[name] ?? name, rest.join('='))
  }
  const type = mountType(values.get('type') ?? 'bind')
  values.delete('type')
  const unknown = [...values.keys()].find((key) => !KEYS[type].includes(key))
  if (unknown !== undefined)
    throw new EngineError('invalid_argument', `unexpected key '${unknown}' for mount type '${type}'`)
  const flag = (name: string) => {
    const value = values.get(name)
    if (value === undefined) return false
    if (/^(|1|true)$/i.test(value)) return true
    if (/^(0|false)$/i.test(value)) return false
    throw new EngineError('invalid_argument', `invalid value for ${name}: ${value}`)
  }
  const target = values.get('target')
  const mount: RunMount = {
    type,
    target: target === undefined ? undefined : resolveDirectory(workingDir, target),
    source: values.get('source') ?? '',
    from: values.get('from'),
    readOnly: type === 'bind' ? !flag('rw') : flag('ro'),
    id: values.get('id'),
    sharing: sharing(values.get('sharing') ?? 'shared'),
    mode: octal(values.get('mode')),
    uid: number('uid', values.get('uid')),
    gid: number('gid', values.get('gid')),
    required: flag('required'),
    size: bytes(values.get('size')),
    env: values.get('env'),
  }
  return withDefaults(mount)
}

function withDefaults(mount: RunMount): RunMount {
  if (mount.type === 'secret') {
    const id = mount.id ?? (mount.target === undefined ? undefined : mount.target.split('/').at(-1))
    if (!id)
      throw new EngineError('invalid_argument', "one of source, target required for mount type 'secret'")
    const target = mount.target ?? (mount.env === undefined ? `/run/secrets/${id}` : undefined)
    return { ...mount, id, target }
  }
  if (mount.type === 'ssh') return { ...mount, id: mount.id ?? 'default' }
  if (mount.target === undefined)
    throw new EngineError('invalid_argument', `target is required for mount type '${mount.type}'`)
  return mount
}

function mountType(text: string): RunMount['type'] {
  if (Object.hasOwn(KEYS, text)) return text as RunMount['type']
  throw new EngineError('invalid_argument', `unsupported mount type ${JSON.stringify(text)}`)
}

function sharing(text: string): RunMount['sharing'] {
  if (text === 'shared' || text === 'private' || text === 'locked') return text
  throw new EngineError('invalid_argument', `unsupported sharing value ${JSON.stringify(text)}`)
}

function octal(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (/^[0-7]{1,5}$/.test(text)) return Number.parseInt(text, 8)
  throw new EngineError('invalid_argument', `invalid value ${text} for mode`)
}

function number(name: string, text: string | undefined): number {
  if (text === undefined) return 0
  if (/^\d{1,10}$/.test(text)) return Number(text)
  throw new EngineError('invalid_argument', `invalid value ${text} for ${name}`)
}

function bytes(text: string | undefined): number {
  const match = /^(\d+)([kmgt]?)b?$/i.exec(text ?? '0')
  if (!match) throw new EngineError('invalid_argument', `invalid size: ${text}`)
  return Number(match[1]) * 1024 ** ' kmgt'.indexOf(match[2]?.toLowerCase() || ' ')
}

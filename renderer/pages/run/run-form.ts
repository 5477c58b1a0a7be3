import type {
  ContainerConfig,
  ContainerCreateRequest,
  ContainerInspect,
  HostConfig,
  PortMap,
} from '../../../vm/api/containers.ts'
import { joinWords, splitWords } from '../../lib/shell-words.ts'

/** The run dialog's fields, as typed. */
export interface RunForm {
  image: string
  name: string
  /** Shell words; empty takes the image's own. */
  command: string
  entrypoint: string
  ports: PortField[]
  env: { key: string; value: string }[]
  mounts: MountField[]
  /** Empty: the default bridge. */
  network: string
  restart: 'no' | 'always' | 'unless-stopped' | 'on-failure'
  /** Docker's notation: `512m`, `1g`; empty: no limit. */
  memory: string
  cpus: string
  tty: boolean
  autoRemove: boolean
  workdir: string
  user: string
  hostname: string
  privileged: boolean
  init: boolean
  readOnly: boolean
  labels: { key: string; value: string }[]
  capAdd: string[]
  capDrop: string[]
  extraHosts: string[]
}

export interface PortField {
  host: string
  container: string
  protocol: 'tcp' | 'udp'
  hostIp: string
}
export interface MountField {
  /** Volume name, absolute path (bind), or empty (anonymous volume). */
  source: string
  target: string
  readOnly: boolean
}

/** A new row: the first port of the image that is not published yet, with a likely one on this computer. */
export function nextPort(ports: readonly PortField[], exposed: readonly string[]): PortField {
  const taken = new Set(ports.map(({ container, protocol }) => `${container}/${protocol}`))
  const [container = '', protocol] = exposed.find((one) => !taken.has(one))?.split('/') ?? []
  const number = Number(container)
  const host = container === '' ? '' : String(number < 1024 ? 8000 + number : number)
  return { host, container, protocol: protocol === 'udp' ? 'udp' : 'tcp', hostIp: '' }
}

export const EMPTY_FORM: RunForm = {
  image: '',
  name: '',
  command: '',
  entrypoint: '',
  ports: [],
  env: [],
  mounts: [],
  network: '',
  restart: 'no',
  memory: '',
  cpus: '',
  tty: false,
  autoRemove: false,
  workdir: '',
  user: '',
  hostname: '',
  privileged: false,
  init: false,
  readOnly: false,
  labels: [],
  capAdd: [],
  capDrop: [],
  extraHosts: [],
}

/** Which field is wrong, as a translation key. */
export interface FormProblem {
  field: string
  key: string
}

/** `512m`, `1.5g` → bytes; undefined when it is no size. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?$/i.exec(text.trim())
  if (!match) return undefined
  const power = 'bkmgt'.indexOf((match[2] || 'b').toLowerCase())
  return Math.round(Number(match[1]) * 1024 ** power)
}

/** A volume's name or an absolute path; a shell's `$PWD`, `~` and `./` mean nothing here. */
const SOURCE = /^(?:[a-zA-Z0-9][\w.-]*|\/[^$]*|[a-zA-Z]:[\\/].*)$/

const PORT = /^\d{1,5}$/
const validPort = (text: string): boolean => PORT.test(text) && Number(text) >= 1 && Number(text) <= 65_535

/** Problems that would make the engine refuse it; the engine's own answer is still the judge of the rest. */
export function checkForm(form: RunForm): FormProblem[] {
  const problems: FormProblem[] = []
  const add = (field: string, key: string): void => {
    problems.push({ field, key })
  }
  if (form.image.trim() === '') add('image', 'run.problem.image')
  if (form.name !== '' && !/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(form.name)) add('name', 'run.problem.name')
  for (const field of ['command', 'entrypoint'] as const) {
    try {
      splitWords(form[field])
    } catch {
      add(field, 'run.problem.quote')
    }
  }
  form.ports.forEach((port, index) => {
    if (!validPort(port.container)) add(`ports.${index}.container`, 'run.problem.port')
    if (port.host !== '' && !validPort(port.host)) add(`ports.${index}.host`, 'run.problem.port')
  })
  form.mounts.forEach((mount, index) => {
    if (!mount.target.startsWith('/')) add(`mounts.${index}.target`, 'run.problem.target')
    if (mount.source !== '' && !SOURCE.test(mount.source)) add(`mounts.${index}.source`, 'run.problem.source')
  })
  form.env.forEach((entry, index) => {
    if (entry.key === '' && entry.value !== '') add(`env.${index}.key`, 'run.problem.env')
  })
  if (form.memory !== '' && parseSize(form.memory) === undefined) add('memory', 'run.problem.size')
  if (form.cpus !== '' && !(Number(form.cpus) > 0)) add('cpus', 'run.problem.cpus')
  return problems
}

/** The body of create for a form without problems. */
export function toCreateRequest(form: RunForm): ContainerCreateRequest {
  const command = splitWords(form.command)
  const entrypoint = splitWords(form.entrypoint)
  return {
    Image: form.image.trim(),
    ...(command.length > 0 && { Cmd: command }),
    ...(entrypoint.length > 0 && { Entrypoint: entrypoint }),
    Tty: form.tty,
    OpenStdin: form.tty,
    Env: form.env.filter(({ key }) => key !== '').map(({ key, value }) => `${key}=${value}`),
    Labels: Object.fromEntries(
      form.labels.filter(({ key }) => key !== '').map(({ key, value }) => [key, value]),
    ),
    ExposedPorts: Object.fromEntries(form.ports.map((port) => [`${port.container}/${port.protocol}`, {}])),
    ...(form.workdir !== '' && { WorkingDir: form.workdir }),
    ...(form.user !== '' && { User: form.user }),
    ...(form.hostname !== '' && { Hostname: form.hostname }),
    HostConfig: toHostConfig(form),
  }
}

function toHostConfig(form: RunForm): HostConfig {
  const ports: PortMap = {}
  for (const port of form.ports) {
    const key = `${port.container}/${port.protocol}`
    const bindings = ports[key] ?? []
    bindings.push({ HostIp: port.hostIp, HostPort: port.host })
    ports[key] = bindings
  }
  const binds = form.mounts
    .filter(({ source }) => source !== '')
    .map(({ source, target, readOnly }) => `${source}:${target}${readOnly ? ':ro' : ''}`)
  const anonymous = form.mounts.filter(({ source }) => source === '')
  return {
    PortBindings: ports,
    Binds: binds,
    ...(anonymous.length > 0 && {
      Mounts: anonymous.map(({ target, readOnly }) => ({
        Type: 'volume',
        Target: target,
        ReadOnly: readOnly,
      })),
    }),
    ...(form.network !== '' && { NetworkMode: form.network }),
    RestartPolicy: { Name: form.restart },
    AutoRemove: form.autoRemove,
    ...(form.memory !== '' && { Memory: parseSize(form.memory) ?? 0 }),
    ...(form.cpus !== '' && { NanoCpus: Math.round(Number(form.cpus) * 1e9) }),
    ...(form.privileged && { Privileged: true }),
    ...(form.init && { Init: true }),
    ...(form.readOnly && { ReadonlyRootfs: true }),
    ...(form.capAdd.length > 0 && { CapAdd: form.capAdd }),
    ...(form.capDrop.length > 0 && { CapDrop: form.capDrop }),
    ...(form.extraHosts.length > 0 && { ExtraHosts: form.extraHosts }),
  }
}

/** The form of an existing container, for Edit and for "Run another". `imageEnv` is what the image itself sets. */
export function fromInspect(inspect: ContainerInspect, imageEnv: readonly string[] = []): RunForm {
  const { Config: config, HostConfig: host } = inspect
  const own = (config.Env ?? []).filter((entry) => !imageEnv.includes(entry))
  return {
    ...EMPTY_FORM,
    image: config.Image ?? inspect.Image,
    name: inspect.Name.replace(/^\//, ''),
    command: joinWords(config.Cmd ?? []),
    entrypoint: joinWords(config.Entrypoint ?? []),
    ports: Object.entries(host.PortBindings ?? {}).flatMap(([key, bindings]) =>
      fromBindings(key, bindings ?? []),
    ),
    env: own.map(splitPair),
    mounts: fromMounts(inspect),
    network: /^(default|bridge)?$/.test(host.NetworkMode ?? '') ? '' : (host.NetworkMode ?? ''),
    restart: host.RestartPolicy?.Name || 'no',
    memory: host.Memory ? printSize(host.Memory) : '',
    cpus: host.NanoCpus ? String(host.NanoCpus / 1e9) : '',
    tty: config.Tty ?? false,
    autoRemove: host.AutoRemove ?? false,
    workdir: config.WorkingDir ?? '',
    user: config.User ?? '',
    privileged: host.Privileged ?? false,
    init: host.Init ?? false,
    readOnly: host.ReadonlyRootfs ?? false,
    labels: Object.entries(config.Labels ?? {}).map(([key, value]) => ({ key, value })),
    capAdd: host.CapAdd ?? [],
    capDrop: host.CapDrop ?? [],
    extraHosts: host.ExtraHosts ?? [],
  }
}

function fromBindings(key: string, bindings: readonly { HostIp?: string; HostPort?: string }[]): PortField[] {
  const [container = '', protocol] = key.split('/')
  return bindings.map((binding) => ({
    host: binding.HostPort === '0' ? '' : (binding.HostPort ?? ''),
    container,
    protocol: protocol === 'udp' ? 'udp' : 'tcp',
    hostIp: binding.HostIp ?? '',
  }))
}

function fromMounts(inspect: ContainerInspect): MountField[] {
  return inspect.Mounts.filter(({ Type }) => Type === 'bind' || Type === 'volume').map((mount) => ({
    source: mount.Type === 'volume' ? (mount.Name ?? '') : mount.Source,
    target: mount.Destination,
    readOnly: !mount.RW,
  }))
}

export function splitPair(pair: string): { key: string; value: string } {
  const at = pair.indexOf('=')
  return at < 0 ? { key: pair, value: '' } : { key: pair.slice(0, at), value: pair.slice(at + 1) }
}

/** The shortest exact notation of a size. */
export function printSize(value: number): string {
  for (const [unit, power] of [
    ['g', 3],
    ['m', 2],
    ['k', 1],
  ] as const) {
    if (value % 1024 ** power === 0) return `${value / 1024 ** power}${unit}`
  }
  return `${value}b`
}

/** Lines of a .env file: `KEY=value`, `export KEY=value`, quotes around values, comments. */
export function parseEnvFile(text: string): { key: string; value: string }[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const match = /^\s*(?:export\s+)?([\w.-]+)\s*=\s*(.*?)\s*$/.exec(line)
    if (!match) return []
    const raw = match[2] ?? ''
    const quoted = /^(["'])(.*)\1$/.exec(raw)
    const value = quoted ? (quoted[2] ?? '') : raw.replace(/\s+#.*$/, '')
    return [{ key: match[1] ?? '', value: quoted?.[1] === '"' ? value.replaceAll('\\n', '\n') : value }]
  })
}

/** Whether what would run is a shell, which ends at once without a terminal. */
export function wantsTerminal(form: RunForm, image: Pick<ContainerConfig, 'Cmd' | 'Entrypoint'>): boolean {
  const entrypoint = form.entrypoint === '' ? (image.Entrypoint ?? []) : splitWords(form.entrypoint)
  const command = form.command === '' ? (image.Cmd ?? []) : splitWords(form.command)
  const words = [...entrypoint, ...command]
  return words.length === 1 && /(^|\/)(ba|da|a|z|k|fi)?sh$/.test(words[0] ?? '')
}

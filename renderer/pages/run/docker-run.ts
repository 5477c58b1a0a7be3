import { joinWords, quoteWord, splitWords } from '../../lib/shell-words.ts'
import { EMPTY_FORM, type MountField, type PortField, type RunForm, splitPair } from './run-form.ts'

/** The `docker run` (or `create`) command that does what the form does. */
export function printDockerRun(form: RunForm, verb: 'run' | 'create' = 'run'): string {
  const parts: string[][] = [['docker', verb]]
  if (verb === 'run') parts.push(['-d'])
  if (form.tty) parts.push(['-it'])
  if (form.autoRemove) parts.push(['--rm'])
  if (form.name) parts.push(['--name', form.name])
  for (const port of form.ports) if (port.container) parts.push(['-p', printPort(port)])
  for (const { key, value } of form.env) if (key) parts.push(['-e', `${key}=${value}`])
  for (const mount of form.mounts) if (mount.target) parts.push(['-v', printMount(mount)])
  if (form.network) parts.push(['--network', form.network])
  if (form.restart !== 'no') parts.push(['--restart', form.restart])
  if (form.memory) parts.push(['-m', form.memory])
  if (form.cpus) parts.push(['--cpus', form.cpus])
  if (form.workdir) parts.push(['-w', form.workdir])
  if (form.user) parts.push(['-u', form.user])
  if (form.hostname) parts.push(['-h', form.hostname])
  if (form.privileged) parts.push(['--privileged'])
  if (form.init) parts.push(['--init'])
  if (form.readOnly) parts.push(['--read-only'])
  for (const capability of form.capAdd) parts.push(['--cap-add', capability])
  for (const capability of form.capDrop) parts.push(['--cap-drop', capability])
  for (const host of form.extraHosts) parts.push(['--add-host', host])
  for (const { key, value } of form.labels) if (key) parts.push(['-l', `${key}=${value}`])
  const entrypoint = safeSplit(form.entrypoint)
  const [program, ...entryArgs] = entrypoint
  if (program !== undefined) parts.push(['--entrypoint', program])
  const command = [...entryArgs, ...safeSplit(form.command)]
  return `${parts.map(joinWords).join(' ')} ${[form.image.trim() || 'IMAGE', ...command].map(quoteWord).join(' ')}`
}

function safeSplit(text: string): string[] {
  try {
    return splitWords(text)
  } catch {
    return [text]
  }
}

function printPort({ host, container, protocol, hostIp }: PortField): string {
  const address = hostIp.includes(':') ? `[${hostIp}]` : hostIp
  const front = address ? `${address}:${host}:` : host ? `${host}:` : ''
  return `${front}${container}${protocol === 'udp' ? '/udp' : ''}`
}

function printMount({ source, target, readOnly }: MountField): string {
  return `${source ? `${source}:` : ''}${target}${readOnly ? ':ro' : ''}`
}

type Apply = (form: RunForm, value: string) => void

const list =
  (key: 'capAdd' | 'capDrop' | 'extraHosts'): Apply =>
  (form, value) =>
    void form[key].push(value)
const text =
  (key: 'name' | 'network' | 'memory' | 'cpus' | 'workdir' | 'user' | 'hostname' | 'entrypoint'): Apply =>
  (form, value) => {
    form[key] = key === 'entrypoint' ? quoteWord(value) : value
  }

/** Options with a value, by every name they have. */
const VALUES: Record<string, Apply> = {
  '--name': text('name'),
  '-p': (form, value) => void form.ports.push(...parsePorts(value)),
  '-e': (form, value) => void form.env.push(splitPair(value)),
  '-v': (form, value) => void form.mounts.push(parseMount(value)),
  '--mount': (form, value) => void form.mounts.push(parseLongMount(value)),
  '-l': (form, value) => void form.labels.push(splitPair(value)),
  '--network': text('network'),
  '--restart': (form, value) => {
    const [name] = value.split(':')
    if (name === 'always' || name === 'unless-stopped' || name === 'on-failure' || name === 'no')
      form.restart = name
    else throw new SyntaxError(`--restart ${value}`)
  },
  '-m': text('memory'),
  '--cpus': text('cpus'),
  '-w': text('workdir'),
  '-u': text('user'),
  '-h': text('hostname'),
  '--entrypoint': text('entrypoint'),
  '--cap-add': list('capAdd'),
  '--cap-drop': list('capDrop'),
  '--add-host': list('extraHosts'),
}
const ALIASES: Record<string, string> = {
  '--publish': '-p',
  '--env': '-e',
  '--volume': '-v',
  '--label': '-l',
  '--net': '--network',
  '--memory': '-m',
  '--workdir': '-w',
  '--user': '-u',
  '--hostname': '-h',
}
const flag =
  (key: 'tty' | 'autoRemove' | 'privileged' | 'init' | 'readOnly') =>
  (form: RunForm, on: boolean): void => {
    form[key] = on
  }
const FLAGS: Record<string, (form: RunForm, on: boolean) => void> = {
  '-d': () => undefined,
  '--detach': () => undefined,
  '-i': () => undefined,
  '--interactive': () => undefined,
  '-t': flag('tty'),
  '--tty': flag('tty'),
  '--rm': flag('autoRemove'),
  '--privileged': flag('privileged'),
  '--init': flag('init'),
  '--read-only': flag('readOnly'),
}
/** Options without a value that the form has no field for: they must not swallow the word after them. */
const BARE = new Set([
  '-P',
  '--publish-all',
  '--no-healthcheck',
  '--oom-kill-disable',
  '--sig-proxy',
  '--quiet',
  '-q',
])

/** A pasted command as a form; `ignored` lists what the form cannot hold. Throws SyntaxError when it is no docker run. */
export function parseDockerRun(line: string): { form: RunForm; ignored: string[] } {
  const words = splitWords(line.trim().replace(/^\$\s+/, ''))
  while (/^(sudo|docker|podman|nerdctl|container)$/.test(words[0] ?? '')) words.shift()
  const verb = words.shift()
  if (verb !== 'run' && verb !== 'create') throw new SyntaxError('not a docker run command')
  const form: RunForm = { ...structuredClone(EMPTY_FORM), tty: false }
  const ignored: string[] = []
  while (words[0]?.startsWith('-') && words[0] !== '-') {
    if (words[0] === '--') {
      words.shift()
      break
    }
    takeOption(words, form, ignored)
  }
  form.image = words.shift() ?? ''
  if (form.image === '') throw new SyntaxError('no image')
  form.command = joinWords(words)
  return { form, ignored }
}

function takeOption(words: string[], form: RunForm, ignored: string[]): void {
  const word = words.shift() ?? ''
  const at = word.startsWith('--') ? word.indexOf('=') : -1
  const given = at > 0 ? word.slice(0, at) : word
  const name = ALIASES[given] ?? given
  const value = VALUES[name]
  if (FLAGS[name]) FLAGS[name](form, at < 0 || word.slice(at + 1) !== 'false')
  else if (value) value(form, at > 0 ? word.slice(at + 1) : (words.shift() ?? ''))
  else if (!word.startsWith('--') && word.length > 2) takeCluster(word, words, form, ignored)
  else if (at > 0 || BARE.has(name)) ignored.push(word)
  else ignored.push(joinWords([word, words.shift() ?? '']).trim())
}

/** `-itp 80:80`, `-p80:80`: short flags together, the last one perhaps with its value. */
function takeCluster(word: string, words: string[], form: RunForm, ignored: string[]): void {
  for (let i = 1; i < word.length; i++) {
    const name = `-${word[i]}`
    if (FLAGS[name]) {
      FLAGS[name](form, true)
      continue
    }
    const rest = word.slice(i + 1).replace(/^=/, '')
    const value = VALUES[name]
    if (value) value(form, rest || (words.shift() ?? ''))
    else if (BARE.has(name)) {
      ignored.push(name)
      continue
    } else ignored.push(joinWords([name, rest || (words.shift() ?? '')]))
    return
  }
}

/** `[ip:][host:]container[/proto]`, ranges included. */
export function parsePorts(spec: string): PortField[] {
  const match = /^(?:(\[[^\]]*\]|[^:]*):(?=[^:]*:))?(?:([\d-]*):)?([\d-]+)(?:\/(tcp|udp))?$/.exec(spec)
  if (!match) throw new SyntaxError(`-p ${spec}`)
  const hostIp = (match[1] ?? '').replace(/^\[|\]$/g, '')
  const container = range(match[3] ?? '')
  const host = range(match[2] ?? '')
  const protocol = match[4] === 'udp' ? 'udp' : 'tcp'
  if (host.length > 1 && host.length !== container.length) throw new SyntaxError(`-p ${spec}`)
  return container.map((port, index) => ({ host: host[index] ?? '', container: port, protocol, hostIp }))
}

function range(text: string): string[] {
  if (text === '') return []
  const [from = '', to = from] = text.split('-')
  const size = Number(to) - Number(from)
  if (!(size >= 0) || size > 500) throw new SyntaxError(`port range ${text}`)
  return Array.from({ length: size + 1 }, (_, index) => String(Number(from) + index))
}

function parseMount(spec: string): MountField {
  const drive = /^[a-zA-Z]:[\\/]/.test(spec) ? spec.slice(0, 2) : ''
  const [first = '', second, mode = ''] = spec.slice(drive.length).split(':')
  if (second === undefined) return { source: '', target: first, readOnly: false }
  return { source: drive + first, target: second, readOnly: mode.split(',').includes('ro') }
}

function parseLongMount(spec: string): MountField {
  const fields = new Map(spec.split(',').map((part) => [splitPair(part).key, splitPair(part).value]))
  const get = (...names: string[]): string => names.map((name) => fields.get(name)).find(Boolean) ?? ''
  const target = get('target', 'destination', 'dst')
  if (get('type') === 'tmpfs' || target === '') throw new SyntaxError(`--mount ${spec}`)
  return {
    source: get('source', 'src'),
    target,
    readOnly: ['readonly', 'ro'].some((name) => fields.has(name) && fields.get(name) !== 'false'),
  }
}

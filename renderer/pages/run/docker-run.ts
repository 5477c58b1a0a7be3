import { firstCommand, joinWords, quoteWord, splitWords } from '../../lib/shell-words.ts'
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

/** Fills a field; false when the form cannot hold all of the value. */
type Apply = (form: RunForm, value: string) => boolean

const list =
  (key: 'capAdd' | 'capDrop' | 'extraHosts'): Apply =>
  (form, value) =>
    form[key].push(value) > 0
const text =
  (key: 'name' | 'network' | 'memory' | 'cpus' | 'workdir' | 'user' | 'hostname' | 'entrypoint'): Apply =>
  (form, value) => {
    form[key] = key === 'entrypoint' && value !== '' ? quoteWord(value) : value
    return true
  }

/** Options with a value, by every name they have. */
const VALUES: Record<string, Apply> = {
  '--name': text('name'),
  '-p': (form, value) => {
    if (value.endsWith('/sctp')) return false
    form.ports.push(...parsePorts(value))
    return true
  },
  '-e': (form, value) => {
    // Without a value Docker takes it from its own environment, which is not here.
    if (!value.includes('=')) return false
    form.env.push(splitPair(value))
    return true
  },
  '-v': (form, value) => pushMount(form, parseMount(value)),
  '--mount': (form, value) => pushMount(form, parseLongMount(value)),
  '-l': (form, value) => form.labels.push(splitPair(value)) > 0,
  '--network': text('network'),
  '--restart': (form, value) => {
    const [name, most] = value.split(':')
    if (name !== 'always' && name !== 'unless-stopped' && name !== 'on-failure' && name !== 'no')
      throw new SyntaxError(`--restart ${value}`)
    form.restart = name
    return most === undefined
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
  '--disable-content-trust',
  '--use-api-socket',
  '--help',
  '--quiet',
  '-q',
])

/** A pasted command as a form; `ignored` lists what the form cannot hold. Throws SyntaxError when it is no docker run. */
export function parseDockerRun(line: string): { form: RunForm; ignored: string[] } {
  const { command, rest } = firstCommand(unwrapped(line))
  const words = splitWords(command)
  const verb = takeProgram(words)
  if (verb !== 'run' && verb !== 'create') throw new SyntaxError('not a docker run command')
  const form: RunForm = { ...structuredClone(EMPTY_FORM), tty: false }
  const ignored = rest === '' ? [] : [rest]
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

/** As it stands in documents: prompts, comments before it, lines continued the way of cmd and PowerShell. */
function unwrapped(text: string): string {
  return text
    .split(/\r?\n/)
    .filter((line) => !/^\s*#(\s|$)/.test(line))
    .join('\n')
    .replace(/\s[`^][ \t]*\n/g, ' ')
    .trim()
    .replace(/^(\$|#|>|%|❯|PS [^>]*>|[A-Za-z]:[^>\n]*>|\S+@\S+[$#])\s+/, '')
}

/** Options before the verb that have a value. */
const GLOBAL = /^(-H|--host|-c|--context|--config|-l|--log-level|--tlscacert|--tlscert|--tlskey)$/

/** Takes everything before the verb, and the verb. */
function takeProgram(words: string[]): string | undefined {
  while (
    /^(\w+=.*|sudo|-[ES]|env|docker|podman|nerdctl|container|.*\/docker|docker\.exe)$/s.test(words[0] ?? '')
  )
    words.shift()
  while (words[0]?.startsWith('-')) if (GLOBAL.test(words.shift() ?? '')) words.shift()
  if (words[0] === 'container') words.shift()
  return words.shift()
}

function takeOption(words: string[], form: RunForm, ignored: string[]): void {
  const word = words.shift() ?? ''
  const at = word.startsWith('--') ? word.indexOf('=') : -1
  const given = at > 0 ? word.slice(0, at) : word
  const name = ALIASES[given] ?? given
  const value = VALUES[name]
  if (FLAGS[name]) FLAGS[name](form, at < 0 || word.slice(at + 1) !== 'false')
  else if (value) {
    const text = at > 0 ? word.slice(at + 1) : needed(given, words)
    if (!value(form, text)) ignored.push(`${given} ${quoteWord(text)}`)
  } else if (!word.startsWith('--') && word.length > 2) takeCluster(word, words, form, ignored)
  else if (at > 0 || BARE.has(name)) ignored.push(word)
  else ignored.push(joinWords([word, words.shift() ?? '']).trim())
}

/** `-itp 80:80`, `-p80:80`: short flags together, the last one perhaps with its value. */
function takeCluster(word: string, words: string[], form: RunForm, ignored: string[]): void {
  for (let i = 1; i < word.length; i++) {
    const name = `-${word[i]}`
    const rest = word.slice(i + 1).replace(/^=/, '')
    if (FLAGS[name]) {
      FLAGS[name](form, rest !== 'false')
      if (word[i + 1] === '=') return
      continue
    }
    const value = VALUES[name]
    if (value) {
      const text = rest || needed(name, words)
      if (!value(form, text)) ignored.push(`${name} ${quoteWord(text)}`)
    } else if (BARE.has(name)) {
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

function needed(option: string, words: string[]): string {
  const value = words.shift()
  if (value === undefined) throw new SyntaxError(`${option} needs a value`)
  return value
}

/** False when the mount has something that the form has no field for. */
function pushMount(form: RunForm, mount: { field: MountField; whole: boolean } | undefined): boolean {
  if (mount) form.mounts.push(mount.field)
  return mount?.whole ?? false
}

function parseMount(spec: string): { field: MountField; whole: boolean } {
  const drive = /^[a-zA-Z]:[\\/]/.test(spec) ? spec.slice(0, 2) : ''
  const [first = '', second, mode = ''] = spec.slice(drive.length).split(':')
  if (second === undefined) return { field: { source: '', target: first, readOnly: false }, whole: true }
  const modes = mode.split(',')
  return {
    field: { source: drive + first, target: second, readOnly: modes.includes('ro') },
    // What Docker Desktop once needed and ignores by now is no loss.
    whole: modes.every((one) => /^(|ro|rw|cached|delegated|consistent)$/.test(one)),
  }
}

function parseLongMount(spec: string): { field: MountField; whole: boolean } | undefined {
  const fields = new Map(spec.split(',').map((part) => [splitPair(part).key, splitPair(part).value]))
  const get = (...names: string[]): string => names.map((name) => fields.get(name)).find(Boolean) ?? ''
  const target = get('target', 'destination', 'dst')
  if (target === '') throw new SyntaxError(`--mount ${spec}`)
  if (!/^(|bind|volume)$/.test(get('type'))) return undefined
  const known = /^(type|source|src|target|destination|dst|readonly|ro)$/
  return {
    field: {
      source: get('source', 'src'),
      target,
      readOnly: ['readonly', 'ro'].some(
        (name) => fields.has(name) && !/^(false|0)$/.test(fields.get(name) ?? ''),
      ),
    },
    whole: [...fields.keys()].every((name) => known.test(name)),
  }
}

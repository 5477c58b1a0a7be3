/**
 * Dockerfile instructions that only change the configuration: what build, `commit --change` and `import --change`
 * have in common. Pure.
 */
import type { ContainerConfig, HealthConfig } from '../../api/containers.ts'
import { EngineError } from '../../api/errors.ts'
import { parseHealthcheck } from './healthcheck.ts'
import { jsonForm, keyValues, words } from './instruction-words.ts'

/** One instruction: upper-case keyword, `--flags`, and the rest of its logical line. */
export interface Instruction {
  keyword: string
  flags: { name: string; value: string }[]
  rest: string
}

type Expand = (text: string) => string
type Change = (config: ContainerConfig, instruction: Instruction, expand: Expand) => ContainerConfig

const DEFAULT_SHELL = ['/bin/sh', '-c']

const CHANGES: Record<string, Change> = {
  ENV: (config, { rest }, expand) => {
    const env = [...(config.Env ?? [])]
    for (const [name, value] of keyValues('ENV', rest, expand)) setEnv(env, name, value)
    return { ...config, Env: env }
  },
  LABEL: (config, { rest }, expand) => ({
    ...config,
    Labels: { ...config.Labels, ...Object.fromEntries(keyValues('LABEL', rest, expand)) },
  }),
  CMD: (config, instruction) => ({ ...config, Cmd: command(config, instruction) }),
  ENTRYPOINT: (config, instruction) => ({ ...config, Entrypoint: command(config, instruction) }),
  SHELL: (config, { rest }) => ({ ...config, Shell: requireJson('SHELL', rest) }),
  USER: (config, { rest }, expand) => ({ ...config, User: one('USER', expand(rest)) }),
  WORKDIR: (config, { rest }, expand) => ({
    ...config,
    WorkingDir: resolveDirectory(config.WorkingDir, one('WORKDIR', expand(rest))),
  }),
  STOPSIGNAL: (config, { rest }, expand) => ({
    ...config,
    StopSignal: signalName(one('STOPSIGNAL', expand(rest))),
  }),
  EXPOSE: (config, { rest }, expand) => ({
    ...config,
    ExposedPorts: {
      ...config.ExposedPorts,
      ...Object.fromEntries(
        words(expand(rest))
          .flatMap(ports)
          .map((port) => [port, {}]),
      ),
    },
  }),
  VOLUME: (config, { rest }, expand) => ({
    ...config,
    Volumes: {
      ...config.Volumes,
      ...Object.fromEntries((jsonForm(rest) ?? words(rest)).map((path) => [one('VOLUME', expand(path)), {}])),
    },
  }),
  HEALTHCHECK: (config, instruction) => ({ ...config, Healthcheck: healthcheck(config, instruction) }),
  ONBUILD: (config, { rest }) => ({ ...config, OnBuild: [...(config.OnBuild ?? []), onbuild(rest)] }),
}

/** True for an instruction that `applyChange` knows. */
export function isConfigChange(keyword: string): boolean {
  return Object.hasOwn(CHANGES, keyword)
}

/** The configuration after the instruction. invalid_argument in Docker's words. */
export function applyChange(
  config: ContainerConfig,
  instruction: Instruction,
  expand: Expand = (text) => text,
): ContainerConfig {
  const change = CHANGES[instruction.keyword]
  if (!change)
    throw new EngineError('invalid_argument', `${instruction.keyword} is not a valid change command`)
  return change(config, instruction, expand)
}

/** `--change` lines of commit and import. */
export function applyChanges(config: ContainerConfig, lines: readonly string[]): ContainerConfig {
  return lines
    .flatMap((line) => line.split('\n'))
    .filter((line) => line.trim() !== '')
    .reduce((current, line) => applyChange(current, parseLine(line), environmentExpander(current)), config)
}

/** One logical line as an instruction. */
export function parseLine(line: string): Instruction {
  const match = /^\s*(\S+)\s*([\s\S]*)$/.exec(line)
  const keyword = (match?.[1] ?? '').toUpperCase()
  let rest = match?.[2]?.trim() ?? ''
  const flags: Instruction['flags'] = []
  for (let flag = takeFlag(rest); flag; flag = takeFlag(rest)) {
    flags.push(flag)
    rest = flag.rest
  }
  return { keyword, flags, rest }
}

/** Changes or adds one variable of a `NAME=value` list in place. */
export function setEnv(env: string[], name: string, value: string): void {
  const index = env.findIndex((entry) => entry.startsWith(`${name}=`))
  if (index < 0) env.push(`${name}=${value}`)
  else env[index] = `${name}=${value}`
}

/** The words of a shell-or-exec instruction: exec form as it is, shell form behind the SHELL. */
export function command(config: ContainerConfig, { keyword, rest }: Instruction): string[] {
  const exec = jsonForm(rest)
  if (exec) return exec
  if (rest === '' && keyword !== 'CMD')
    throw new EngineError('invalid_argument', `${keyword} requires at least one argument`)
  return [...(config.Shell ?? DEFAULT_SHELL), rest]
}

function environmentExpander(config: ContainerConfig): Expand {
  const values = new Map(
    (config.Env ?? []).map((entry) => [entry.split('=')[0] ?? '', entry.slice(entry.indexOf('=') + 1)]),
  )
  return (text) =>
    text.replace(/\$(?:\{(\w+)\}|(\w+))/g, (_all, braced, plain) => values.get(braced ?? plain) ?? '')
}

function takeFlag(text: string): { name: string; value: string; rest: string } | undefined {
  const match = /^--([a-zA-Z][\w-]*)(?:=("[^"]*"|\S*))?(?:\s+|$)/.exec(text)
  if (!match) return undefined
  return {
    name: match[1] ?? '',
    value: match[2]?.replace(/^"|"$/g, '') ?? '',
    rest: text.slice(match[0].length),
  }
}

function healthcheck(config: ContainerConfig, instruction: Instruction): HealthConfig {
  return parseHealthcheck(instruction, config.Shell ?? DEFAULT_SHELL)
}

function onbuild(rest: string): string {
  const keyword = parseLine(rest).keyword
  if (keyword === '') throw new EngineError('invalid_argument', 'ONBUILD requires at least one argument')
  if (keyword === 'ONBUILD')
    throw new EngineError('invalid_argument', "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")
  if (keyword === 'FROM' || keyword === 'MAINTAINER') {
    throw new EngineError('invalid_argument', `${keyword} isn't allowed as an ONBUILD trigger`)
  }
  return rest
}

function requireJson(keyword: string, rest: string): string[] {
  const exec = jsonForm(rest)
  if (!exec || exec.length === 0)
    throw new EngineError('invalid_argument', `${keyword} requires the arguments to be in JSON form`)
  return exec
}

function one(keyword: string, text: string): string {
  const value = text.trim().replace(/^(["'])(.*)\1$/, '$2')
  if (value === '') throw new EngineError('invalid_argument', `${keyword} requires exactly one argument`)
  return value
}

/** WORKDIR: relative ones are below the former. */
export function resolveDirectory(former: string | undefined, directory: string): string {
  const joined = directory.startsWith('/') ? directory : `${former || '/'}/${directory}`
  const parts: string[] = []
  for (const part of joined.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return `/${parts.join('/')}`
}

/** `80`, `80/udp`, `8000-8002/tcp`. */
function ports(text: string): string[] {
  const match = /^(\d+)(?:-(\d+))?(?:\/(\w+))?$/.exec(text)
  const first = Number(match?.[1])
  const last = match?.[2] === undefined ? first : Number(match[2])
  const protocol = (match?.[3] ?? 'tcp').toLowerCase()
  if (!match || first > last || last > 65_535 || !['tcp', 'udp', 'sctp'].includes(protocol)) {
    throw new EngineError('invalid_argument', `invalid containerPort: ${text}`)
  }
  return Array.from({ length: last - first + 1 }, (_item, index) => `${first + index}/${protocol}`)
}

function signalName(text: string): string {
  if (/^\d+$/.test(text) ? Number(text) >= 1 && Number(text) <= 64 : /^(SIG)?[A-Z][A-Z0-9+-]*$/i.test(text))
    return text
  throw new EngineError('invalid_argument', `invalid signal: ${text}`)
}

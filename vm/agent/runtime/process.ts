/** The process that a container or an exec runs. Pure. */
import type { ExecCreateRequest } from '../../api/containers.ts'
import { EngineError } from '../../api/errors.ts'
import { containerCapabilities, processCapabilities } from './capabilities.ts'
import type { OciProcess } from './oci.ts'
import { rlimits } from './resources.ts'
import { parseSecurityOptions } from './security-options.ts'
import type { SpecInput } from './spec-input.ts'
import type { ResolvedUser } from './user.ts'

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
export const INIT_IN_CONTAINER = '/sbin/docker-init'

/** The container's main process. Nothing to run is invalid_argument in Docker's words. */
export function containerProcess({ config, hostConfig, facts }: SpecInput): OciProcess {
  const command = [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])]
  if (command.length === 0) throw new EngineError('invalid_argument', 'no command specified')
  const bounding = containerCapabilities({
    add: hostConfig.CapAdd,
    drop: hostConfig.CapDrop,
    privileged: hostConfig.Privileged,
  })
  const withInit = hostConfig.Init === true && facts.initPath !== undefined && !sharedPids(hostConfig.PidMode)
  const [rows, columns] = hostConfig.ConsoleSize ?? [0, 0]
  return {
    terminal: config.Tty === true,
    ...(config.Tty && rows > 0 && columns > 0 ? { consoleSize: { height: rows, width: columns } } : {}),
    cwd: config.WorkingDir || '/',
    args: withInit ? [INIT_IN_CONTAINER, '--', ...command] : command,
    env: containerEnvironment(config.Env ?? [], {
      hostname: facts.hostname,
      tty: config.Tty === true,
      home: facts.user.home,
      linkVariables: facts.linkVariables,
    }),
    user: ociUser(facts.user),
    capabilities: processCapabilities(bounding, facts.user.uid),
    rlimits: rlimits(hostConfig),
    noNewPrivileges: parseSecurityOptions(hostConfig.SecurityOpt).noNewPrivileges,
    oomScoreAdj: hostConfig.OomScoreAdj ?? 0,
  }
}

/** A further process of `main`'s container: its environment, limits and rights, but for what the request asks. */
export function execProcess(main: OciProcess, request: ExecCreateRequest, user: ResolvedUser): OciProcess {
  const bounding = request.Privileged
    ? containerCapabilities({ privileged: true })
    : (main.capabilities?.bounding ?? [])
  const [rows, columns] = request.ConsoleSize ?? [0, 0]
  const inherited = main.env.filter(
    (entry) => request.Tty || !entry.startsWith('TERM=') || main.terminal !== true,
  )
  const env = replaceEnvironment(inherited, [`HOME=${user.home}`, ...(request.Env ?? [])])
  const known = env.some((entry) => entry.startsWith('TERM='))
  return {
    terminal: request.Tty === true,
    ...(request.Tty && rows > 0 && columns > 0 ? { consoleSize: { height: rows, width: columns } } : {}),
    cwd: request.WorkingDir || main.cwd,
    args: request.Cmd ?? [],
    env: request.Tty && !known ? [...env, 'TERM=xterm'] : env,
    user: ociUser(user),
    capabilities: processCapabilities(bounding, user.uid),
    ...(main.rlimits ? { rlimits: main.rlimits } : {}),
    ...(request.Privileged || main.noNewPrivileges === undefined
      ? {}
      : { noNewPrivileges: main.noNewPrivileges }),
    ...(main.oomScoreAdj === undefined ? {} : { oomScoreAdj: main.oomScoreAdj }),
  }
}

interface EnvironmentFacts {
  readonly hostname: string
  readonly tty: boolean
  readonly home: string
  readonly linkVariables?: readonly string[] | undefined
}

/** PATH, HOSTNAME, TERM and those of links unless given, then what is given, then HOME. `NAME` without `=` takes a default away. */
export function containerEnvironment(
  given: readonly string[],
  { hostname, tty, home, linkVariables = [] }: EnvironmentFacts,
): string[] {
  const defaults = [`PATH=${DEFAULT_PATH}`, `HOSTNAME=${hostname}`, ...(tty ? ['TERM=xterm'] : [])]
  const env = replaceEnvironment([...defaults, ...linkVariables], given)
  return env.some((entry) => entry.startsWith('HOME=')) ? env : [...env, `HOME=${home}`]
}

/** `base` with the entries of `changes` replaced in place, appended, or (without `=`) removed. */
export function replaceEnvironment(base: readonly string[], changes: readonly string[]): string[] {
  const result = new Map(base.map((entry) => [nameOf(entry), entry]))
  for (const change of changes) {
    if (change.includes('=')) result.set(nameOf(change), change)
    else result.delete(change)
  }
  return [...result.values()]
}

function ociUser({ uid, gid, additionalGids }: ResolvedUser): OciProcess['user'] {
  return { uid, gid, additionalGids }
}

function nameOf(entry: string): string {
  const at = entry.indexOf('=')
  return at < 0 ? entry : entry.slice(0, at)
}

function sharedPids(mode: string | undefined): boolean {
  return mode === 'host' || (mode ?? '').startsWith('container:')
}

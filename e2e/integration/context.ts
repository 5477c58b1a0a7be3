import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { inject } from 'vitest'
import { dockerTools } from '../fixtures/debian.ts'
import { dockerCli, type Result, type RunOptions, run } from '../fixtures/slipway.ts'

/** The shared machine as one test file sees it. */
export interface Context {
  home: string
  /** A folder of this computer that is shared with the machine. */
  shared: string
  env: Record<string, string>
  registry: { port: number; host: string; url: string }
  cli: string
  docker(...args: string[]): Promise<Result>
  dockerWith(options: RunOptions, ...args: string[]): Promise<Result>
  slipway(...args: string[]): Promise<Result>
  /** docker, which must succeed; its standard output without the final newline. */
  ok(...args: string[]): Promise<string>
  /** docker with its output in a file, or a file as its input; both may be large. Fails as `ok` does. */
  piped(args: string[], files: { input?: string; output?: string }): Promise<void>
  /** Removes containers, ignoring those that are not there. */
  clean(...names: string[]): Promise<void>
}

export async function context(): Promise<Context> {
  const home = inject('home')
  const cli = await dockerCli()
  const env = {
    SLIPWAY_HOME: home,
    DOCKER_HOST: `unix://${join(home, 'docker.sock')}`,
    DOCKER_CONFIG: join(home, 'docker-config'),
    DOCKER_CLI_HINTS: 'false',
  }
  const docker = (...args: string[]) => run(cli, args, { env })
  return {
    home,
    shared: inject('shared'),
    env,
    cli,
    registry: inject('registry'),
    docker,
    dockerWith: (options, ...args) => run(cli, args, { ...options, env: { ...env, ...options.env } }),
    slipway: (...args) => run(process.execPath, ['dist/app/cli.js', ...args], { env }),
    async ok(...args) {
      const result = await docker(...args)
      if (result.code !== 0)
        throw new Error(
          `docker ${args.join(' ')}: exit code ${result.code}\n${result.stderr}${result.stdout}`,
        )
      return result.stdout.trimEnd()
    },
    piped: (args, files) => piped(cli, args, env, files),
    async clean(...names) {
      await docker('rm', '-f', '-v', ...names)
    },
  }
}

/** The docker CLI that has compose, for this context's environment. */
export async function dockerWithCompose({ env }: Context): Promise<string> {
  const { docker, plugins } = await dockerTools()
  const folder = env['DOCKER_CONFIG'] ?? ''
  await mkdir(folder, { recursive: true })
  await symlink(plugins, join(folder, 'cli-plugins')).catch((error) => {
    if (error.code !== 'EEXIST') throw error
  })
  return docker
}

async function piped(
  cli: string,
  args: string[],
  env: Record<string, string>,
  { input, output }: { input?: string; output?: string },
): Promise<void> {
  const child = spawn(cli, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  await Promise.all([
    output ? pipeline(child.stdout, createWriteStream(output)) : child.stdout.resume(),
    input ? pipeline(createReadStream(input), child.stdin) : child.stdin.end(),
  ])
  const [code] = await closed
  if (code !== 0) throw new Error(`docker ${args.join(' ')}: exit code ${code}`)
}

import { join } from 'node:path'
import { inject } from 'vitest'
import { dockerCli, type Result, type RunOptions, run } from '../fixtures/slipway.ts'

/** The shared machine as one test file sees it. */
export interface Context {
  home: string
  env: Record<string, string>
  registry: { port: number; host: string; url: string }
  cli: string
  docker(...args: string[]): Promise<Result>
  dockerWith(options: RunOptions, ...args: string[]): Promise<Result>
  slipway(...args: string[]): Promise<Result>
  /** docker, which must succeed; its standard output without the final newline. */
  ok(...args: string[]): Promise<string>
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
    async clean(...names) {
      await docker('rm', '-f', '-v', ...names)
    },
  }
}

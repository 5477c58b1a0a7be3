/** RUN: the command in a real container, whose changes become the layer. */
import type { HostConfig } from '../../api/containers.ts'
import { EngineError } from '../../api/errors.ts'
import type { Digest } from '../content/store.ts'
import { shortId } from '../images/chain.ts'
import type { BuildContainers } from './backend.ts'
import type { BuildOptions } from './options.ts'
import type { StageState } from './stage.ts'

export interface RunParts {
  containers: BuildContainers
}

/** The step's command ended with a code other than 0; `details.exitCode` has it. */
export async function runCommand(
  { containers }: RunParts,
  run: {
    state: StageState
    command: string[]
    env: string[]
    options: BuildOptions
    print: (text: string) => void
    commit: (snapshot: string) => Promise<Digest>
    signal?: AbortSignal
  },
): Promise<Digest> {
  const { state, command, options, print } = run
  if (!state.imageId)
    throw new EngineError('invalid_argument', 'No image was generated: RUN cannot start from scratch')
  const { Healthcheck: _health, ...config } = state.config
  const { Id } = await containers.create({
    ...config,
    Image: state.imageId,
    Entrypoint: [],
    Cmd: command,
    Env: [...(state.config.Env ?? []), ...run.env],
    Healthcheck: { Test: ['NONE'] },
    HostConfig: hostConfig(options),
  })
  print(` ---> Running in ${shortId(Id)}\n`)
  const decoder = new TextDecoder()
  let succeeded = false
  try {
    const onOutput = (chunk: Uint8Array) => print(decoder.decode(chunk, { stream: true }))
    const exitCode = await containers.run(Id, { onOutput, ...(run.signal ? { signal: run.signal } : {}) })
    if (exitCode !== 0) {
      throw new EngineError(
        'internal',
        `The command '${command.join(' ')}' returned a non-zero code: ${exitCode}`,
        {
          details: { exitCode },
        },
      )
    }
    const id = await run.commit(await containers.snapshotOf(Id))
    succeeded = true
    return id
  } finally {
    // Its snapshot is a layer now: the container could not be started again, so it goes in any case.
    if (succeeded || options.forceRemove || options.remove) {
      await containers.remove(Id)
      print(` ---> Removed intermediate container ${shortId(Id)}\n`)
    }
  }
}

function hostConfig(options: BuildOptions): HostConfig {
  return {
    ...(options.networkMode ? { NetworkMode: options.networkMode } : {}),
    ...(options.memory ? { Memory: options.memory } : {}),
    ...(options.memorySwap ? { MemorySwap: options.memorySwap } : {}),
    ...(options.cpuShares ? { CpuShares: options.cpuShares } : {}),
    ...(options.cpuPeriod ? { CpuPeriod: options.cpuPeriod } : {}),
    ...(options.cpuQuota ? { CpuQuota: options.cpuQuota } : {}),
    ...(options.cpusetCpus ? { CpusetCpus: options.cpusetCpus } : {}),
    ...(options.shmSize ? { ShmSize: options.shmSize } : {}),
    ...(options.extraHosts.length > 0 ? { ExtraHosts: options.extraHosts } : {}),
  }
}

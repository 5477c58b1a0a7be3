/** RUN: the command in a real container, whose changes become the layer. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { HostConfig, MountSpec } from '../../api/containers.ts'
import { Disposal } from '../../api/disposal.ts'
import { EngineError } from '../../api/errors.ts'
import type { Digest } from '../content/store.ts'
import { removeMountPoints } from '../snapshots/mount-points.ts'
import type { Snapshotter } from '../snapshots/snapshotter.ts'
import type { BuildContainers } from './backend.ts'
import { missingPaths, removeEmpty } from './mount-points.ts'
import type { BuildOptions } from './options.ts'
import type { RunFlags } from './run-flags.ts'
import { type MountParts, type MountRequest, prepareMounts } from './run-mounts.ts'
import type { StageState } from './stage.ts'
import type { BuildTeller } from './teller.ts'

export interface RunParts extends MountParts {
  containers: BuildContainers
  snapshots: Pick<Snapshotter, 'upperDir' | 'layerDirs'>
}

export interface RunRequest {
  state: StageState
  command: string[]
  /** A program given in the Dockerfile itself; the command's first word is its path. */
  script: { name: string; content: string } | undefined
  env: string[]
  mounts: MountRequest
  network: RunFlags['network']
  options: BuildOptions
  teller: BuildTeller
  commit: (snapshot: string) => Promise<Digest>
  signal?: AbortSignal
}

/** Containers that are nobody's when their build is gone. */
export const BUILD_LABEL = 'slipway.build'

/** The step's command ended with a code other than 0; `details.exitCode` has it. */
export async function runCommand(parts: RunParts, run: RunRequest): Promise<Digest> {
  const { state, options, teller } = run
  if (!state.imageId)
    throw new EngineError('invalid_argument', 'No image was generated: RUN cannot start from scratch')
  await using owned = new Disposal()
  const mounts = owned.use(await prepareMounts(parts, run.mounts))
  const specs = [...mounts.specs]
  if (run.script) specs.push(await scriptMount(parts, owned, run))
  const missing =
    specs.length === 0
      ? []
      : await parts.rootfs.reading(state.image?.snapshot, (root) =>
          missingPaths(
            root,
            specs.map(({ Target = '/' }) => Target),
          ),
        )
  const { Healthcheck: _health, ...config } = state.config
  const { Id } = await parts.containers.create({
    ...config,
    Image: state.imageId,
    Entrypoint: [],
    Cmd: run.command,
    Env: [...(state.config.Env ?? []), ...run.env, ...mounts.env],
    Healthcheck: { Test: ['NONE'] },
    ...(options.forceRemove ? { Labels: { ...config.Labels, [BUILD_LABEL]: '' } } : {}),
    HostConfig: hostConfig(options, run.network, specs),
  })
  teller.container(Id)
  let succeeded = false
  try {
    await execute(parts, run, Id)
    const snapshot = await parts.containers.snapshotOf(Id)
    if (missing.length > 0) await removeEmpty(await parts.snapshots.upperDir(snapshot), missing)
    await removeMountPoints(parts.kernel, await parts.snapshots.layerDirs(snapshot))
    const id = await run.commit(snapshot)
    succeeded = true
    return id
  } finally {
    // One that failed stays to be looked at, unless it is to go in any case; one of a build that was given up goes.
    if (options.forceRemove || run.signal?.aborted || (options.remove && succeeded)) {
      await parts.containers.remove(Id)
      teller.removed(Id)
    }
  }
}

async function execute(parts: RunParts, run: RunRequest, id: string): Promise<void> {
  const exitCode = await parts.containers.run(id, {
    onOutput: (chunk) => run.teller.output(chunk),
    ...(run.signal ? { signal: run.signal } : {}),
  })
  if (exitCode === 0) return
  const command = run.command.join(' ')
  throw new EngineError('internal', `The command '${command}' returned a non-zero code: ${exitCode}`, {
    details: { exitCode, command },
  })
}

async function scriptMount(parts: RunParts, owned: Disposal, run: RunRequest): Promise<MountSpec> {
  const folder = owned.use(await parts.scratch.folder())
  const Source = join(folder.path, 'script')
  await writeFile(Source, run.script?.content ?? '', { mode: 0o755 })
  return { Type: 'bind', Source, Target: run.command[0] ?? '', ReadOnly: true }
}

function hostConfig(options: BuildOptions, network: RunFlags['network'], mounts: MountSpec[]): HostConfig {
  const networkMode = network === 'default' ? options.networkMode : network
  return {
    ...(networkMode ? { NetworkMode: networkMode } : {}),
    ...(mounts.length > 0 ? { Mounts: mounts } : {}),
    ...(options.ulimits.length > 0 ? { Ulimits: options.ulimits } : {}),
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

/** BuildKit's control service: builds and their progress, the build cache, what the builder is. */
import { EngineError } from '../../../api/errors.ts'
import type { BuildCacheRecord } from '../../../api/system.ts'
import { ENGINE_VERSION } from '../../../api/version.ts'
import type { PruneWish } from '../prune-space.ts'
import { importsIn, nameOf, tellUnsupported } from './cache-wishes.ts'
import { checkExports, type ExporterParts, type ExportWish, exportAll } from './exporters.ts'
import { inBuildkitWords } from './failure.ts'
import { parseFilters, passes } from './filters.ts'
import { frontendRequest } from './frontend-options.ts'
import { type Methods, streaming, unary } from './grpc-server.ts'
import { Job, type Jobs } from './jobs.ts'
import * as m from './messages.ts'
import type { MessageOf } from './proto.ts'
import type { Sessions } from './sessions.ts'
import { type SolverParts, solve } from './solver.ts'
import { workers } from './workers.ts'

export interface ControlParts extends ExporterParts, SolverParts {
  jobs: Jobs
  sessions: Sessions
  records(): Promise<BuildCacheRecord[]>
  prune(wish: PruneWish): Promise<{ records: BuildCacheRecord[] }>
}
type SolveRequest = MessageOf<typeof m.SolveRequest>

export function controlMethods(parts: ControlParts): Methods {
  const service = '/moby.buildkit.v1.Control'
  const unsupported = (what: string) => async () => {
    throw new EngineError('not_implemented', `${what} is not supported by this builder`)
  }
  return {
    [`${service}/Info`]: unary(m.Empty, m.InfoResponse, async () => ({
      buildkitVersion: { package: 'slipway', version: `v${ENGINE_VERSION}`, revision: '' },
    })),
    [`${service}/ListWorkers`]: unary(m.Empty, m.ListWorkersResponse, async () => ({ record: workers() })),
    [`${service}/Solve`]: unary(m.SolveRequest, m.SolveResponse, async (request, { signal }) => ({
      ExporterResponse: await build(parts, request, signal),
    })),
    [`${service}/Status`]: streaming(
      m.StatusRequest,
      m.StatusResponse,
      async function* ({ Ref }, { signal }) {
        yield* (await parts.jobs.find(Ref, signal)).log.listen(signal)
      },
    ),
    [`${service}/DiskUsage`]: unary(m.DiskUsageRequest, m.DiskUsageResponse, async ({ filter }) => {
      const filters = parseFilters(filter)
      return { record: (await parts.records()).filter((record) => passes(record, filters)).map(usage) }
    }),
    [`${service}/Prune`]: streaming(m.PruneRequest, m.UsageRecord, (request) => prune(parts, request)),
    [`${service}/ListenBuildHistory`]: unsupported('a history of builds'),
    [`${service}/UpdateBuildHistory`]: unsupported('a history of builds'),
    [`${service}/Session`]: unsupported('a session inside of another connection'),
  }
}

async function build(
  parts: ControlParts,
  request: SolveRequest,
  signal: AbortSignal,
): Promise<Record<string, string>> {
  const wishes = exportsOf(request)
  const session = request.Session === '' ? undefined : await parts.sessions.find(request.Session, { signal })
  const job = new Job(request.Ref, session, signal)
  parts.jobs.open(job)
  try {
    refuse(request)
    checkExports(wishes)
    tellUnsupported(job.log, job.ref, {
      imports: [...importsIn(request.FrontendAttrs), ...(request.Cache?.Imports ?? []).map(nameOf)],
      exports: (request.Cache?.Exports ?? []).map(({ Type = '' }) => Type),
    })
    const returned =
      request.Frontend === ''
        ? await job.returned
        : { image: await solve(parts, job, frontendRequest(request.FrontendAttrs), job.signal) }
    return await exportAll(parts, job, wishes, returned)
  } catch (error) {
    throw inBuildkitWords(error)
  } finally {
    parts.jobs.close(job)
  }
}

function exportsOf(request: SolveRequest): ExportWish[] {
  const { Exporters, ExporterDeprecated, ExporterAttrsDeprecated } = request
  if (Exporters.length > 0)
    return Exporters.map(({ Type = '', Attrs = {} }) => ({ type: Type, attributes: Attrs }))
  return ExporterDeprecated === '' ? [] : [{ type: ExporterDeprecated, attributes: ExporterAttrsDeprecated }]
}

/** What a build cannot be given; naming it. */
export function refuse(request: {
  Frontend: string
  Definition: { def?: readonly unknown[] } | undefined
  FrontendInputs: Record<string, unknown>
  Cache?: { Exports?: { Type?: string }[] } | undefined
}): void {
  const fail = (what: string) =>
    new EngineError('not_implemented', `${what} is not supported by this builder`)
  if (!['', 'dockerfile.v0', 'gateway.v0'].includes(request.Frontend))
    throw fail(`frontend ${request.Frontend}`)
  if (request.Definition?.def?.length) throw fail('a low-level build definition (LLB)')
  const [input] = Object.keys(request.FrontendInputs)
  if (input !== undefined) throw fail(`build context ${input} made of another build`)
  const cache = request.Cache?.Exports?.find(({ Type }) => Type !== 'inline')
  if (cache) throw fail(`cache export ${cache.Type}`)
}

async function* prune(
  parts: ControlParts,
  request: MessageOf<typeof m.PruneRequest>,
): AsyncIterable<Partial<MessageOf<typeof m.UsageRecord>>> {
  const filters = parseFilters(request.filter)
  const { all, keepDuration, reservedSpace: reserved, maxUsedSpace: maxUsed, minFreeSpace: minFree } = request
  const { records } = await parts.prune({
    all,
    until: keepDuration > 0 ? Date.now() - keepDuration / 1e6 : Number.POSITIVE_INFINITY,
    passes: (record) => passes(record, filters),
    space: { reserved, maxUsed, minFree },
    everything: filters.length === 0 && keepDuration + reserved + maxUsed + minFree === 0,
  })
  for (const record of records) yield usage(record)
}

function usage(record: BuildCacheRecord): Partial<MessageOf<typeof m.UsageRecord>> {
  return {
    ID: record.ID,
    InUse: record.InUse,
    Size: record.Size,
    CreatedAt: Date.parse(record.CreatedAt),
    ...(record.LastUsedAt ? { LastUsedAt: Date.parse(record.LastUsedAt) } : {}),
    UsageCount: record.UsageCount,
    Description: record.Description,
    RecordType: record.Type,
    Shared: record.Shared,
    Parents: record.Parents ?? [],
  }
}

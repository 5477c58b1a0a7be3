/** BuildKit's gateway service: a client's own program around the builds that it asks for. */
import { EngineError } from '../../../api/errors.ts'
import { refuse } from './control.ts'
import { inBuildkitWords } from './failure.ts'
import { frontendRequest } from './frontend-options.ts'
import { errorOf } from './grpc-frames.ts'
import { type Methods, type ServerCall, unary } from './grpc-server.ts'
import type { Job, Jobs } from './jobs.ts'
import * as m from './messages.ts'
import type { MessageOf } from './proto.ts'
import { type SolverParts, solve } from './solver.ts'
import { BUILD_CAPABILITIES, FRONTEND_CAPABILITIES, workers } from './workers.ts'

export function gatewayMethods(parts: SolverParts & { jobs: Jobs }): Methods {
  const service = '/moby.buildkit.v1.frontend.LLBBridge'
  const jobOf = ({ headers, signal }: ServerCall) =>
    parts.jobs.find(String(headers['buildkit-controlapi-buildid'] ?? ''), signal)
  return {
    [`${service}/Ping`]: unary(m.Empty, m.PongResponse, async () => ({
      FrontendAPICaps: FRONTEND_CAPABILITIES,
      LLBCaps: BUILD_CAPABILITIES,
      Workers: workers(),
    })),
    [`${service}/Solve`]: unary(m.GatewaySolveRequest, m.GatewaySolveResponse, async (request, call) => ({
      result: await solveFor(parts, await jobOf(call), request, call.signal),
    })),
    [`${service}/Return`]: unary(m.ReturnRequest, m.Empty, async (request, call) => {
      giveBack(await jobOf(call), request)
      return {}
    }),
    [`${service}/Inputs`]: unary(m.Empty, m.Empty, async () => ({})),
    [`${service}/Evaluate`]: unary(m.Empty, m.Empty, async () => ({})),
    [`${service}/Warn`]: unary(m.Empty, m.Empty, async () => ({})),
  }
}

async function solveFor(
  parts: SolverParts,
  job: Job,
  request: MessageOf<typeof m.GatewaySolveRequest>,
  signal: AbortSignal,
): Promise<Partial<MessageOf<typeof m.Result>>> {
  // A solve of nothing: what a client asks for that only wants to know whether it may.
  if (request.Frontend === '' && !request.Definition?.def?.length) return { ref: { id: '' } }
  const image = await solveRequest(parts, job, request, AbortSignal.any([signal, job.signal]))
  const id = `${job.ref}-${job.results.size}`
  job.results.set(id, image)
  return { ref: { id }, metadata: { 'containerimage.config': Buffer.from(JSON.stringify(image.config)) } }
}

async function solveRequest(
  parts: SolverParts,
  job: Job,
  request: MessageOf<typeof m.GatewaySolveRequest>,
  signal: AbortSignal,
) {
  try {
    refuse(request)
    return await solve(parts, job, frontendRequest(request.FrontendOpt), signal)
  } catch (error) {
    throw inBuildkitWords(error)
  }
}

function giveBack(job: Job, { result, error }: MessageOf<typeof m.ReturnRequest>): void {
  if (error) {
    const { code = 2, message = '', details = [] } = error
    job.fail(errorOf({ code, message, details }, 'build'))
    return
  }
  const id = result?.ref?.id || result?.refDeprecated || ''
  const several = Object.keys(result?.refs?.refs ?? {})
  if (several.length > 0) {
    job.fail(
      new EngineError(
        'not_implemented',
        `a result for several platforms (${several.join(', ')}) is not supported by this builder`,
      ),
    )
    return
  }
  const image = job.results.get(id)
  if (id !== '' && !image) job.fail(new EngineError('not_found', `no such ref: ${id}`))
  else job.giveBack({ image })
}

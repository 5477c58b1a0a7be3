/** `POST /build?version=2`: a BuildKit build whose progress goes back as lines of the classic stream. */
import { messageOf } from '../../../api/errors.ts'
import type { ProgressMessage } from '../../../api/images.ts'
import type { BuildOptions } from '../options.ts'
import type { ContextFiles } from '../sources.ts'
import { type ExporterParts, exportAll } from './exporters.ts'
import { inBuildkitWords } from './failure.ts'
import { Job, type Jobs } from './jobs.ts'
import { StatusResponse } from './messages.ts'
import type { Sessions } from './sessions.ts'
import { type SolverParts, solve } from './solver.ts'

export interface HttpBuild {
  /** Name of the build, for cancelling it. */
  ref: string
  /** Session with credentials and more; empty: none. */
  sessionId: string
  options: BuildOptions
  /** What came with the request; undefined: the context is the session's. */
  context: ContextFiles | undefined
}

export async function* buildOverHttp(
  parts: ExporterParts & SolverParts & { jobs: Jobs; sessions: Sessions },
  { ref, sessionId, options, context }: HttpBuild,
  signal: AbortSignal,
): AsyncIterable<ProgressMessage> {
  const session = sessionId === '' ? undefined : await parts.sessions.find(sessionId, { signal })
  const job = new Job(ref, session, signal)
  parts.jobs.open(job)
  const filename = options.dockerfile || 'Dockerfile'
  const work = (async () => {
    try {
      const request = {
        options: { ...options, dockerfile: filename, buildkit: true, forceRemove: true },
        filename,
        context: context ? { files: context } : { folder: 'context' },
        dockerfileFolder: context ? undefined : 'dockerfile',
        folders: new Map<string, string>(),
        images: new Map<string, string>(),
      }
      const image = await solve(parts, job, request, job.signal)
      const wish = { type: 'moby', attributes: { name: options.tags.join(',') } }
      await exportAll(parts, job, [wish], { image })
      return { image }
    } catch (error) {
      return { failure: messageOf(inBuildkitWords(error)) }
    } finally {
      parts.jobs.close(job)
    }
  })()
  if (!options.quiet)
    for await (const status of job.log.listen(signal))
      yield { id: 'moby.buildkit.trace', aux: StatusResponse.encode(status).toString('base64') }
  const { image, failure = '' } = await work
  if (image) yield { id: 'moby.image.id', aux: { ID: image.id } }
  else yield { errorDetail: { message: failure }, error: failure }
}

/** A client's request to build a Dockerfile, carried out by the engine's one builder. */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { Disposal } from '../../../api/disposal.ts'
import { EngineError } from '../../../api/errors.ts'
import type { ResolvedImage } from '../../images/images.ts'
import type { ApplyKernel } from '../../snapshots/apply.ts'
import type { KeptContexts } from '../kept-contexts.ts'
import type { BuildOptions } from '../options.ts'
import type { ScratchFiles } from '../scratch.ts'
import type { ContextFiles } from '../sources.ts'
import type { BuildTeller } from '../teller.ts'
import { ClientFolder, ClientTar, textOf } from './client-files.ts'
import { inBuildkitWords, withSource } from './failure.ts'
import type { FrontendRequest } from './frontend-options.ts'
import { ignorePatterns } from './ignore-file.ts'
import type { Job } from './jobs.ts'
import type { Session } from './session.ts'
import { Vertex } from './vertex.ts'
import { VertexTeller } from './vertex-teller.ts'

export interface SolverParts {
  build(
    context: ContextFiles,
    dockerfile: string,
    options: BuildOptions,
    more: { teller: BuildTeller; signal: AbortSignal },
  ): Promise<ResolvedImage>
  /** A path for files of a client; what is left there by a killed run goes with the next. */
  contextPath(): string
  /** What a killed run left is gone. */
  ready(): Promise<void>
  kept: KeptContexts
  scratch: ScratchFiles
  kernel: ApplyKernel
}

export async function solve(
  parts: SolverParts,
  job: Job,
  request: FrontendRequest,
  signal: AbortSignal,
): Promise<ResolvedImage> {
  const { session } = job
  await parts.ready()
  await using owned = new Disposal()
  const files = new Files(parts, job, owned, signal)
  const { context, dockerfile } = await files.prepare(request)
  const options: BuildOptions = {
    ...request.options,
    auth: async (registry) =>
      (await session?.credentials(registry, { signal })) ?? request.options.auth(registry),
    secret: async (id) => session?.secret(id, { signal }),
    ssh: async (id) => session && agentSocket(parts.scratch, session, id, signal),
    fileContexts: files.named(request),
    imageContexts: request.images,
  }
  const teller = new VertexTeller(job.log, randomUUID())
  try {
    const image = await parts.build(context, dockerfile, options, { teller, signal })
    teller.end()
    return image
  } catch (error) {
    const worded = inBuildkitWords(
      withSource(error, { filename: request.filename, dockerfile, step: teller.at }),
    )
    teller.end(worded)
    throw worded
  }
}

class Files {
  readonly #parts: SolverParts
  readonly #job: Job
  readonly #owned: Disposal
  readonly #signal: AbortSignal

  constructor(parts: SolverParts, job: Job, owned: Disposal, signal: AbortSignal) {
    this.#parts = parts
    this.#job = job
    this.#owned = owned
    this.#signal = signal
  }

  /** The text of the Dockerfile, and the context that its steps ask for. */
  async prepare(request: FrontendRequest): Promise<{ context: ContextFiles; dockerfile: string }> {
    const { filename } = request
    const follow = [
      filename,
      `${filename}.dockerignore`,
      ...(filename === 'Dockerfile' ? ['dockerfile'] : []),
    ]
    const definition =
      request.dockerfileFolder === undefined
        ? undefined
        : this.#folder(`load build definition from ${filename}`, request.dockerfileFolder, 'dockerfile', {
            follow,
          })
    const context =
      'files' in request.context
        ? request.context.files
        : 'upload' in request.context
          ? this.#tar(request.context.upload)
          : this.#context(
              request.context.folder,
              'load build context',
              () => definition && textOf(definition, `${filename}.dockerignore`),
            )
    const from = definition ?? context
    const dockerfile =
      (await textOf(from, filename)) ??
      (filename === 'Dockerfile' ? await textOf(from, 'dockerfile') : undefined)
    if (dockerfile !== undefined) return { context, dockerfile }
    throw new EngineError(
      'not_found',
      `failed to read dockerfile: open ${filename}: no such file or directory`,
    )
  }

  named(request: FrontendRequest): Map<string, ContextFiles> {
    const named = [...request.folders].map(([name, folder]): [string, ContextFiles] => [
      name,
      this.#context(folder, `load build context ${name}`, async () => undefined),
    ])
    return new Map(named)
  }

  /** A context without what its own list of patterns, or the one that goes first, leaves out. */
  #context(folder: string, name: string, first: () => Promise<string | undefined> | undefined): ClientFolder {
    const exclude = async () => {
      const list = this.#folder(
        `load .dockerignore${folder === 'context' ? '' : ` of ${folder}`}`,
        folder,
        'context',
        {
          follow: ['.dockerignore'],
        },
      )
      return ignorePatterns((await first()) ?? (await textOf(list, '.dockerignore')) ?? '')
    }
    return this.#folder(name, folder, 'context', { exclude, kept: this.#parts.kept })
  }

  #folder(
    title: string,
    name: string,
    what: string,
    more: { follow?: string[]; exclude?: () => Promise<string[]>; kept?: KeptContexts },
  ): ClientFolder {
    return this.#owned.use(new ClientFolder({ ...this.#wish(title), name, what, ...more }))
  }

  #tar(id: string): ClientTar {
    const { kernel } = this.#parts
    return this.#owned.use(new ClientTar({ ...this.#wish('load remote build context'), id, kernel }))
  }

  #session(): Session {
    if (this.#job.session) return this.#job.session
    throw new EngineError('invalid_argument', 'no session: the build has no files')
  }

  #wish(title: string) {
    return {
      session: this.#session(),
      root: this.#parts.contextPath(),
      vertex: new Vertex(this.#job.log, this.#job.ref, `[internal] ${title}`),
      signal: this.#signal,
    }
  }
}

async function agentSocket(scratch: ScratchFiles, session: Session, id: string, signal: AbortSignal) {
  const folder = await scratch.folder()
  const path = join(folder.path, 'agent')
  const agent = await session.agent(id, path, { signal })
  const release = async () => {
    await agent?.[Symbol.asyncDispose]()
    await folder[Symbol.asyncDispose]()
  }
  if (agent) return { path, [Symbol.asyncDispose]: release }
  await release()
  return undefined
}

/** One build: step by step, each an image, each cached by instruction and content. */
import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import type { ContainerConfig } from '../../api/containers.ts'
import { EngineError, kindOf } from '../../api/errors.ts'
import type { Digest } from '../content/store.ts'
import { applyChange, type Instruction, isConfigChange } from '../images/changes.ts'
import type { ImageService, ResolvedImage } from '../images/images.ts'
import { unquote } from '../images/instruction-words.ts'
import { parsePlatform } from '../images/platform.ts'
import { parseReference } from '../images/reference.ts'
import { BuildArguments } from './arguments.ts'
import { BuildCache } from './cache.ts'
import { type CopyParts, runCopy } from './copy-step.ts'
import { type ParsedDockerfile, parseDockerfile, parseStep, type Stage, type Step } from './dockerfile.ts'
import { expandVariables } from './expand.ts'
import { heredocCommand } from './heredoc.ts'
import type { BuildOptions } from './options.ts'
import { resolveInRoot } from './root-path.ts'
import { parseRunFlags } from './run-flags.ts'
import { type MountParts, mountKey } from './run-mounts.ts'
import { type RunParts, runCommand } from './run-step.ts'
import type { FileSource } from './sources.ts'
import { StageState } from './stage.ts'
import { chooseStages } from './stages.ts'
import type { BuildTeller } from './teller.ts'

export interface BuilderParts extends CopyParts, MountParts, RunParts {
  images: ImageService
  cache: BuildCache
}

export class Build {
  readonly #parts: BuilderParts
  readonly #options: BuildOptions
  readonly #teller: BuildTeller
  readonly #signal: AbortSignal | undefined
  readonly #given: { signal?: AbortSignal }
  readonly #stages = new Map<string, StageState>()
  #arguments: BuildArguments
  #parsed: ParsedDockerfile = { escape: '\\', globalArguments: [], stages: [] }
  /** Once a step was not in the cache none after it is. */
  #cacheBroken = false

  constructor(
    parts: BuilderParts,
    options: BuildOptions,
    teller: BuildTeller,
    signal: AbortSignal | undefined,
  ) {
    this.#parts = parts
    this.#options = options
    this.#teller = teller
    this.#signal = signal
    this.#given = signal ? { signal } : {}
    this.#arguments = this.#newArguments('\\')
  }

  /** Carries the Dockerfile out; answers the image of its last (or target) stage. */
  async run(dockerfile: string): Promise<ResolvedImage> {
    this.#parsed = parseDockerfile(dockerfile, this.#options.dockerfile || 'Dockerfile')
    const { globalArguments } = this.#parsed
    this.#arguments = this.#newArguments(this.#parsed.escape)
    for (const step of globalArguments) this.#arguments.declareGlobal(step)
    const { globals } = this.#arguments
    const stages = chooseStages(this.#parsed, {
      target: this.#options.target,
      onlyNeeded: this.#options.buildkit,
      globals,
    })
    const labels = Object.entries(this.#options.labels).sort(([a], [b]) => (a < b ? -1 : 1))
    this.#teller.plan({ globals: globalArguments, stages, labels: labels.length > 0 })
    for (const step of globalArguments) this.#teller.step(step)
    let state: StageState | undefined
    for (const stage of stages) {
      state = await this.#stage(stage)
      this.#stages.set(String(stage.index), state)
      if (stage.name !== undefined) this.#stages.set(stage.name, state)
    }
    if (!state) throw new EngineError('invalid_argument', 'No build stage in current context')
    if (labels.length > 0) {
      const rest = labels.map(([key, value]) => `${JSON.stringify(key)}=${JSON.stringify(value)}`).join(' ')
      await this.#carryOut(state, {
        keyword: 'LABEL',
        flags: [],
        rest,
        text: `LABEL ${rest}`,
        line: 0,
        lines: 1,
      })
    }
    const unused = this.#arguments.unused()
    if (unused.length > 0) this.#teller.unconsumed(unused)
    if (!state.image)
      throw new EngineError('invalid_argument', 'No image was generated. Is your Dockerfile empty?')
    return state.image
  }

  #newArguments(escapeChar: string): BuildArguments {
    const { buildArgs, platform } = this.#options
    return new BuildArguments({ given: buildArgs, platform, escape: escapeChar })
  }

  async #stage(stage: Stage): Promise<StageState> {
    this.#teller.step(stage.from)
    this.#cacheBroken = this.#options.noCache || this.#options.noCacheStages.includes(stage.name ?? '')
    const base = this.#expandGlobal(stage.base)
    const platform = stage.platform ? this.#expandGlobal(stage.platform) : this.#options.platform
    const former = this.#stages.get(base.toLowerCase())
    const image = former ? former.image : base === 'scratch' ? undefined : await this.#base(base, platform)
    const state = new StageState(image, this.#options.buildArgs)
    this.#teller.image(image?.id)
    await this.#triggers(state)
    for (const step of stage.steps) {
      this.#teller.step(step)
      await this.#carryOut(state, step)
    }
    return state
  }

  #expandGlobal(text: string): string {
    return unquote(expandVariables(text, this.#arguments.globals, this.#parsed.escape))
  }

  /** The base image, pulled when it is not here (for that platform) or when --pull asks. */
  async #base(reference: string, platform = this.#options.platform): Promise<ResolvedImage> {
    const { images } = this.#parts
    const named = this.#options.imageContexts.get(reference) ?? reference
    if (!this.#options.pull) {
      try {
        const found = await images.resolve(named)
        if (platform === undefined || fits(found, platform)) return found
      } catch (error) {
        if (kindOf(error) !== 'not_found') throw error
      }
    }
    const auth = await this.#options.auth(parseReference(named).domain)
    const pull = images.pull(named, {
      ...(auth ? { auth } : {}),
      ...(platform ? { platform } : {}),
      ...this.#given,
    })
    for await (const message of pull) this.#teller.pulling(message)
    return images.resolve(named)
  }

  /** ONBUILD of the base image. */
  async #triggers(state: StageState): Promise<void> {
    const triggers = state.config.OnBuild ?? []
    if (triggers.length === 0) return
    state.config = { ...state.config, OnBuild: null }
    this.#teller.triggers(triggers.length)
    for (const text of triggers) {
      const [line = '', ...below] = text.split('\n')
      await this.#carryOut(state, { ...parseStep(line, below, 0), text, line: 0, lines: 1 })
    }
  }

  async #carryOut(state: StageState, step: Step): Promise<void> {
    this.#signal?.throwIfAborted()
    switch (step.keyword) {
      case 'ARG':
        for (const [name, value] of this.#arguments.declare(step, state.variables))
          state.args.set(name, value)
        return this.#configStep(state, `ARG ${step.rest}`, state.config)
      case 'MAINTAINER':
        state.author = step.rest
        return this.#configStep(state, `MAINTAINER ${step.rest}`, state.config)
      case 'RUN':
        return this.#runStep(state, step)
      case 'COPY':
      case 'ADD':
        return this.#copyStep(state, step)
      default:
        if (!isConfigChange(step.keyword))
          throw new EngineError('invalid_argument', `unknown instruction: ${step.keyword}`)
        return this.#changeStep(state, step)
    }
  }

  async #changeStep(state: StageState, step: Instruction): Promise<void> {
    const expand = (text: string) => expandVariables(text, state.variables, this.#parsed.escape)
    let config = applyChange(state.config, step, expand)
    if (step.keyword === 'CMD') state.commandSet = true
    if (step.keyword === 'ENTRYPOINT' && !state.commandSet) config = { ...config, Cmd: null }
    const shown = ['CMD', 'ENTRYPOINT', 'SHELL'].includes(step.keyword)
      ? `${step.keyword} ${JSON.stringify(step.keyword === 'CMD' ? config.Cmd : step.keyword === 'ENTRYPOINT' ? config.Entrypoint : config.Shell)}`
      : `${step.keyword} ${expand(step.rest)}`
    const { WorkingDir } = config
    const makes = step.keyword === 'WORKDIR' && WorkingDir !== undefined
    await this.#configStep(state, shown, config, makes ? () => this.#directory(state, WorkingDir) : undefined)
  }

  /** WORKDIR makes the directory where there is none. */
  #directory(state: StageState, path: string): Promise<string> {
    return this.#parts.rootfs.writing(state.image?.snapshot, async (root) => {
      await mkdir(await resolveInRoot(root, path), { recursive: true, mode: 0o755 })
    })
  }

  /** A step that changes the configuration only: no container runs, but Docker shows one. */
  async #configStep(
    state: StageState,
    description: string,
    config: ContainerConfig,
    write?: () => Promise<string>,
  ): Promise<void> {
    await this.#cached(state, [description, config, state.runArgs], description, async () => {
      const container = randomBytes(6).toString('hex')
      this.#teller.container(container)
      const createdBy = this.#options.buildkit ? description : `/bin/sh -c #(nop)  ${description}`
      const id = await this.#commit(state, config, createdBy, await write?.())
      this.#teller.removed(container)
      return id
    })
    state.config = { ...config, Image: state.imageId ?? '' }
  }

  async #runStep(state: StageState, step: Step): Promise<void> {
    const { rest, script } = heredocCommand(step.rest, step.heredocs ?? [])
    const command = script
      ? [`/dev/pipes/${script.name}`]
      : (applyChange(state.config, { ...step, rest, keyword: 'CMD' }).Cmd ?? [])
    const flags = parseRunFlags(step, (text) => this.#expand(state, text), state.config.WorkingDir)
    const request = {
      mounts: flags.mounts,
      source: (from: string | undefined) => this.#source(from),
      secret: this.#options.secret,
      ssh: this.#options.ssh,
      ...this.#given,
    }
    const args = state.runArgs
    const shown = command.join(' ')
    const createdBy = args.length > 0 ? `|${args.length} ${args.join(' ')} ${shown}` : shown
    const key = ['RUN', command, script, args, step.flags, await mountKey(this.#parts, request)]
    await this.#cached(state, key, createdBy, () =>
      runCommand(this.#parts, {
        state,
        command,
        script,
        env: [...args, ...state.predefinedArgs],
        mounts: request,
        network: flags.network,
        options: this.#options,
        teller: this.#teller,
        commit: (snapshot) =>
          this.#commit(
            state,
            state.config,
            this.#options.buildkit ? `RUN ${createdBy} # buildkit` : createdBy,
            snapshot,
          ),
        ...this.#given,
      }),
    )
  }

  async #copyStep(state: StageState, step: Step): Promise<void> {
    await using prepared = await runCopy(this.#parts, {
      state,
      step,
      expand: (text) => this.#expand(state, text),
      expandContent: (text) => expandVariables(text, state.variables, this.#parsed.escape, { plain: true }),
      source: (from) => this.#source(from),
      ...this.#given,
    })
    const { key, description } = prepared
    await this.#cached(state, [step.keyword, key], description, async () =>
      this.#commit(
        state,
        state.config,
        this.#options.buildkit ? `${step.text} # buildkit` : `/bin/sh -c #(nop) ${description}`,
        await prepared.write(),
      ),
    )
  }

  #expand(state: StageState, text: string): string {
    return unquote(expandVariables(text, state.variables, this.#parsed.escape))
  }

  /** What `from` names: a stage, another context, an image; without it the build context. */
  async #source(from: string | undefined): Promise<FileSource> {
    if (from === undefined) return { files: this.#parts.context }
    const stage = this.#stages.get(from.toLowerCase())
    if (stage) return { image: stage.image }
    const files = this.#options.fileContexts.get(from)
    if (files) return { files }
    return { image: from === 'scratch' ? undefined : await this.#base(from) }
  }

  /** The step's image from the cache, or made by `make` and remembered. */
  async #cached(
    state: StageState,
    parts: readonly unknown[],
    description: string,
    make: () => Promise<Digest>,
  ): Promise<void> {
    const { cache, images } = this.#parts
    const key = BuildCache.key([
      ...(this.#options.buildkit ? ['buildkit'] : []),
      state.imageId ?? 'scratch',
      state.config,
      ...parts,
    ])
    const known = this.#cacheBroken ? undefined : await cache.find(key, (image) => this.#parts.exists(image))
    if (known) this.#teller.cached()
    else this.#cacheBroken = true
    const parent = state.imageId
    const id = known ?? (await make())
    if (!known) await cache.put({ key, image: id, description, parent })
    this.#teller.image(id)
    state.image = await images.resolve(id)
    state.config = { ...state.config, Image: id }
  }

  async #commit(
    state: StageState,
    config: ContainerConfig,
    createdBy: string,
    snapshot: string | undefined,
  ): Promise<Digest> {
    const { Image: _image, ...rest } = config
    return this.#parts.images.commit({
      snapshot,
      // A container that stays needs its snapshot.
      adopt: this.#options.remove || this.#options.forceRemove,
      ...(this.#options.buildkit ? { buildCache: true, comment: 'buildkit.dockerfile.v0' } : {}),
      parent: state.image,
      config: rest,
      createdBy,
      ...(state.author ? { author: state.author } : {}),
    })
  }
}

function fits({ config }: ResolvedImage, platform: string): boolean {
  const { os, architecture } = parsePlatform(platform)
  return config.os === os && config.architecture === architecture
}

/** One `docker build` of the classic kind: step by step, each an image, each cached by instruction and content. */
import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import type { ContainerConfig } from '../../api/containers.ts'
import { EngineError, kindOf } from '../../api/errors.ts'
import type { ProgressMessage } from '../../api/images.ts'
import type { Digest } from '../content/store.ts'
import { shortId } from '../images/chain.ts'
import { applyChange, type Instruction, isConfigChange, parseLine } from '../images/changes.ts'
import type { ImageService } from '../images/images.ts'
import { keyValues, unquote } from '../images/instruction-words.ts'
import { parseReference } from '../images/reference.ts'
import { BuildCache } from './cache.ts'
import { type CopyParts, runCopy } from './copy-step.ts'
import { type ParsedDockerfile, parseDockerfile, type Stage, type Step } from './dockerfile.ts'
import { expandVariables } from './expand.ts'
import type { BuildOptions } from './options.ts'
import { resolveInRoot } from './root-path.ts'
import { type RunParts, runCommand } from './run-step.ts'
import { StageState, unconsumed } from './stage.ts'

export interface BuilderParts extends Omit<CopyParts, 'stageImage'>, RunParts {
  images: ImageService
  cache: BuildCache
}
type Say = (message: ProgressMessage) => void

export class Build {
  readonly #parts: BuilderParts
  readonly #options: BuildOptions
  readonly #say: Say
  readonly #signal: AbortSignal | undefined
  readonly #stages = new Map<string, StageState>()
  readonly #usedArgs = new Set<string>()
  readonly #globals = new Map<string, string>()
  #parsed: ParsedDockerfile = { escape: '\\', globalArguments: [], stages: [] }
  #step = 0
  #total = 0
  /** Once a step was not in the cache none after it is. */
  #cacheBroken: boolean

  constructor(parts: BuilderParts, options: BuildOptions, say: Say, signal: AbortSignal | undefined) {
    this.#parts = parts
    this.#options = options
    this.#say = say
    this.#signal = signal
    this.#cacheBroken = options.noCache
  }

  /** Carries the Dockerfile out; answers the id of the image of its last (or target) stage. */
  async run(dockerfile: string): Promise<Digest> {
    this.#parsed = parseDockerfile(dockerfile, this.#options.dockerfile || 'Dockerfile')
    const stages = this.#wantedStages()
    const labels = Object.entries(this.#options.labels)
    const { globalArguments } = this.#parsed
    this.#total =
      globalArguments.length +
      stages.reduce((sum, stage) => sum + 1 + stage.steps.length, 0) +
      (labels.length > 0 ? 1 : 0)
    for (const step of globalArguments) this.#globalArgument(step)
    let state: StageState | undefined
    for (const [index, stage] of stages.entries()) {
      state = await this.#stage(stage)
      this.#stages.set(String(index), state)
      if (stage.name !== undefined) this.#stages.set(stage.name, state)
    }
    if (!state) throw new EngineError('invalid_argument', 'No build stage in current context')
    if (labels.length > 0) {
      const rest = labels.map(([key, value]) => `${JSON.stringify(key)}=${JSON.stringify(value)}`).join(' ')
      await this.#carryOut(state, { keyword: 'LABEL', flags: [], rest, text: `LABEL ${rest}`, line: 0 })
    }
    const unused = unconsumed(this.#options.buildArgs, this.#usedArgs)
    if (unused.length > 0)
      this.#print(`[Warning] One or more build-args [${unused.join(' ')}] were not consumed\n`)
    if (!state.imageId)
      throw new EngineError('invalid_argument', 'No image was generated. Is your Dockerfile empty?')
    return state.imageId
  }

  #wantedStages(): Stage[] {
    const { target } = this.#options
    if (target === '') return this.#parsed.stages
    const byName = this.#parsed.stages.findIndex(({ name }) => name === target.toLowerCase())
    const index = byName >= 0 ? byName : /^\d+$/.test(target) ? Number(target) : -1
    if (index < 0 || index >= this.#parsed.stages.length) {
      throw new EngineError('invalid_argument', `target stage "${target}" could not be found`)
    }
    return this.#parsed.stages.slice(0, index + 1)
  }

  #globalArgument(step: Step): void {
    this.#announce(step)
    for (const [name, value] of this.#argument(step, this.#globals))
      if (value !== undefined) this.#globals.set(name, value)
  }

  async #stage(stage: Stage): Promise<StageState> {
    this.#announce(stage.from)
    const base = expandVariables(stage.base, this.#globals, this.#parsed.escape)
    const former = this.#stages.get(base.toLowerCase())
    const image = former ? former.image : base === 'scratch' ? undefined : await this.#base(base, stage)
    const state = new StageState(image, this.#options.buildArgs)
    this.#print(image ? ` ---> ${shortId(image.id)}\n` : ' ---> \n')
    await this.#triggers(state)
    for (const step of stage.steps) await this.#next(state, step)
    return state
  }

  /** The base image, pulled when it is not here or when --pull asks. */
  async #base(reference: string, stage: Stage) {
    const { images } = this.#parts
    if (!this.#options.pull) {
      try {
        return await images.resolve(reference)
      } catch (error) {
        if (kindOf(error) !== 'not_found') throw error
      }
    }
    const platform = stage.platform ? expandVariables(stage.platform, this.#globals) : this.#options.platform
    const auth = this.#options.auths[parseReference(reference).domain]
    const pull = images.pull(reference, {
      ...(auth ? { auth } : {}),
      ...(platform ? { platform } : {}),
      ...(this.#signal ? { signal: this.#signal } : {}),
    })
    for await (const message of pull) this.#say(message)
    return images.resolve(reference)
  }

  /** ONBUILD of the base image. */
  async #triggers(state: StageState): Promise<void> {
    const triggers = state.config.OnBuild ?? []
    if (triggers.length === 0) return
    state.config = { ...state.config, OnBuild: null }
    this.#print(`# Executing ${triggers.length} build trigger${triggers.length > 1 ? 's' : ''}\n`)
    for (const text of triggers) await this.#carryOut(state, { ...parseLine(text), text, line: 0 })
  }

  async #next(state: StageState, step: Step): Promise<void> {
    this.#announce(step)
    await this.#carryOut(state, step)
  }

  async #carryOut(state: StageState, step: Step): Promise<void> {
    this.#signal?.throwIfAborted()
    switch (step.keyword) {
      case 'ARG':
        for (const [name, value] of this.#argument(step, state.variables)) {
          state.args.set(name, value ?? this.#globals.get(name))
        }
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
      this.#print(` ---> Running in ${container}\n`)
      const id = await this.#commit(state, config, `/bin/sh -c #(nop)  ${description}`, await write?.())
      this.#print(` ---> Removed intermediate container ${container}\n`)
      return id
    })
    state.config = { ...config, Image: state.imageId ?? '' }
  }

  async #runStep(state: StageState, step: Step): Promise<void> {
    const command = applyChange(state.config, { ...step, keyword: 'CMD' }).Cmd ?? []
    const args = state.runArgs
    const shown = command.join(' ')
    const createdBy = args.length > 0 ? `|${args.length} ${args.join(' ')} ${shown}` : shown
    await this.#cached(state, ['RUN', command, args, step.flags], createdBy, () =>
      runCommand(this.#parts, {
        state,
        command,
        env: [...args, ...state.predefinedArgs],
        options: this.#options,
        print: (text) => this.#print(text),
        commit: (snapshot) => this.#commit(state, state.config, createdBy, snapshot),
        ...(this.#signal ? { signal: this.#signal } : {}),
      }),
    )
  }

  async #copyStep(state: StageState, step: Step): Promise<void> {
    const expand = (text: string) => unquote(expandVariables(text, state.variables, this.#parsed.escape))
    const parts: CopyParts = {
      ...this.#parts,
      stageImage: (name) => this.#stages.get(name.toLowerCase())?.image,
    }
    const prepared = await runCopy(parts, {
      state,
      step,
      expand,
      base: (name) => this.#named(name),
      ...(this.#signal ? { signal: this.#signal } : {}),
    })
    try {
      await this.#cached(state, [step.keyword, prepared.key], prepared.description, async () =>
        this.#commit(
          state,
          state.config,
          `/bin/sh -c #(nop) ${prepared.description}`,
          await prepared.write(),
        ),
      )
    } finally {
      await prepared[Symbol.asyncDispose]()
    }
  }

  async #named(reference: string) {
    return this.#base(reference, {
      name: undefined,
      from: { keyword: 'FROM', flags: [], rest: '', text: '', line: 0 },
      base: '',
      platform: undefined,
      steps: [],
    })
  }

  /** The step's image from the cache, or made by `make` and remembered. */
  async #cached(
    state: StageState,
    parts: readonly unknown[],
    description: string,
    make: () => Promise<Digest>,
  ): Promise<void> {
    const { cache, images } = this.#parts
    const key = BuildCache.key([state.imageId ?? 'scratch', state.config, ...parts])
    const known = this.#cacheBroken ? undefined : await cache.find(key, (image) => this.#parts.exists(image))
    if (known) this.#print(' ---> Using cache\n')
    else this.#cacheBroken = true
    const parent = state.imageId
    const id = known ?? (await make())
    if (!known) await cache.put({ key, image: id, description, parent })
    this.#print(` ---> ${shortId(id)}\n`)
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
      adopt: true,
      parent: state.image,
      config: rest,
      createdBy,
      ...(state.author ? { author: state.author } : {}),
    })
  }

  /** `ARG name`, `ARG name=default`, several in one: with the values that hold. */
  #argument(step: Step, variables: ReadonlyMap<string, string>): [string, string | undefined][] {
    const expand = (text: string) => expandVariables(text, variables, this.#parsed.escape)
    return step.rest.split(/\s+(?=[A-Za-z_]\w*(?:=|\s|$))/).map((item) => {
      const [pair] = item.includes('=') ? keyValues('ARG', item, expand) : [[item.trim(), undefined] as const]
      const [name, preset] = pair ?? ['', undefined]
      this.#usedArgs.add(name)
      const given = this.#options.buildArgs[name]
      return [name, given ?? preset]
    })
  }

  #announce(step: Step): void {
    this.#step++
    this.#print(`Step ${this.#step}/${this.#total} : ${step.text}\n`)
  }

  #print(text: string): void {
    if (!this.#options.quiet) this.#say({ stream: text })
  }
}

/** COPY and ADD: sources found and hashed first (the cache needs that), written when the cache has no answer. */
import { createHash } from 'node:crypto'
import { EngineError } from '../../api/errors.ts'
import type { Digest } from '../content/store.ts'
import { resolveDirectory } from '../images/changes.ts'
import type { ResolvedImage } from '../images/images.ts'
import { jsonForm, rawWords } from '../images/instruction-words.ts'
import type { ApplyKernel } from '../snapshots/apply.ts'
import type { BuildContext } from './context.ts'
import { copySources, findSources, hashSources, type Source } from './copy.ts'
import type { Step } from './dockerfile.ts'
import { resolveOwner } from './owner.ts'
import { Downloads } from './remote-source.ts'
import type { RootFilesystems } from './rootfs.ts'
import type { StageState } from './stage.ts'

export interface CopyParts {
  context: BuildContext
  rootfs: RootFilesystems
  kernel: ApplyKernel
  stageImage: (name: string) => ResolvedImage | undefined
  /** True while the image is there. */
  exists: (image: Digest) => boolean
}

export interface PreparedCopy extends AsyncDisposable {
  /** Digest of everything the copy would bring. */
  key: string
  /** As history shows it. */
  description: string
  /** Makes the copy in a new snapshot and answers its key. */
  write(): Promise<string>
}

interface Wishes {
  sources: string[]
  target: string
  from: string | undefined
  owner: string | undefined
  mode: number | undefined
  extract: boolean
}

export async function runCopy(
  parts: CopyParts,
  request: {
    state: StageState
    step: Step
    expand: (text: string) => string
    base: (reference: string) => Promise<ResolvedImage>
    signal?: AbortSignal
  },
): Promise<PreparedCopy> {
  const { state, step } = request
  const wishes = parse(step, request.expand)
  const downloads = new Downloads(parts.context.root)
  const image =
    wishes.from === undefined
      ? undefined
      : (parts.stageImage(wishes.from) ?? (await request.base(wishes.from)))
  const target = targetPath(state.config.WorkingDir, wishes.target)
  const withSources = async <T>(use: (sources: Source[]) => Promise<T>): Promise<T> => {
    const find = async (root: string) => {
      const found: Source[] = []
      for (const pattern of wishes.sources) {
        if (step.keyword === 'ADD' && /^https?:\/\//.test(pattern))
          found.push(await downloads.fetch(pattern, request.signal))
        else found.push(...(await findSources(root, pattern, step.keyword)))
      }
      refuseSeveral(step.keyword, found, target)
      return use(found)
    }
    return wishes.from === undefined ? find(parts.context.root) : parts.rootfs.reading(image?.snapshot, find)
  }
  try {
    const content = await withSources(hashSources)
    const key = createHash('sha256')
      .update(JSON.stringify([content, target, wishes.owner, wishes.mode]))
      .digest('hex')
    return {
      key,
      description: `${step.keyword} ${describe(wishes, content)} in ${wishes.target} `,
      write: () =>
        parts.rootfs.writing(state.image?.snapshot, async (root) => {
          const owner =
            wishes.owner === undefined ? { uid: 0, gid: 0 } : await resolveOwner(root, wishes.owner)
          const { mode, extract } = wishes
          await withSources((sources) =>
            copySources(sources, root, target, parts.kernel, {
              ...owner,
              mode,
              extract,
              ...(request.signal ? { signal: request.signal } : {}),
            }),
          )
        }),
      [Symbol.asyncDispose]: () => downloads[Symbol.asyncDispose](),
    }
  } catch (error) {
    await downloads[Symbol.asyncDispose]()
    throw error
  }
}

function parse(step: Step, expand: (text: string) => string): Wishes {
  const list = (jsonForm(step.rest) ?? rawWords(step.rest)).map(expand)
  const target = list.pop()
  if (target === undefined || list.length === 0) {
    throw new EngineError(
      'invalid_argument',
      `${step.keyword} requires at least two arguments, but only ${list.length + 1} was provided`,
    )
  }
  const known = step.keyword === 'COPY' ? ['from', 'chown', 'chmod'] : ['chown', 'chmod']
  const flag = (name: string) => {
    const value = step.flags.find((item) => item.name === name)?.value
    return value === undefined ? undefined : expand(value)
  }
  const unknown = step.flags.find(({ name }) => !known.includes(name))
  if (unknown)
    throw new EngineError(
      'invalid_argument',
      `unknown flag: --${unknown.name} is not supported by ${step.keyword} in this builder`,
    )
  const mode = flag('chmod')
  if (mode !== undefined && !/^[0-7]{1,4}$/.test(mode)) {
    throw new EngineError(
      'invalid_argument',
      `invalid chmod parameter: '${mode}'. it should be octal string and between 0 and 07777`,
    )
  }
  return {
    sources: list,
    target,
    from: flag('from'),
    owner: flag('chown'),
    mode: mode === undefined ? undefined : Number.parseInt(mode, 8),
    extract: step.keyword === 'ADD',
  }
}

/** Absolute destination; the slash at the end that means "a directory" stays. */
function targetPath(workingDir: string | undefined, target: string): string {
  const path = resolveDirectory(workingDir, target)
  const isDirectory = target.endsWith('/') || target === '.' || target.endsWith('/.')
  return isDirectory && path !== '/' ? `${path}/` : path
}

function refuseSeveral(keyword: string, sources: readonly Source[], target: string): void {
  if (sources.length < 2 || target.endsWith('/')) return
  throw new EngineError(
    'invalid_argument',
    `When using ${keyword} with more than one source file, the destination must be a directory and end with a /`,
  )
}

function describe(wishes: Wishes, content: string): string {
  const kind = wishes.sources.length > 1 ? 'multi' : wishes.sources[0] === '.' ? 'dir' : 'file'
  return `${kind}:${content}`
}

/** COPY and ADD: sources found and hashed first (the cache needs that), written when the cache has no answer. */
import { createHash } from 'node:crypto'
import { EngineError } from '../../api/errors.ts'
import type { Digest } from '../content/store.ts'
import { resolveDirectory } from '../images/changes.ts'
import { jsonForm, rawWords } from '../images/instruction-words.ts'
import type { BuildKernel } from './backend.ts'
import { copySources, findSources, hashSources, type Source } from './copy.ts'
import type { Step } from './dockerfile.ts'
import type { Heredoc } from './heredoc.ts'
import { resolveOwner } from './owner.ts'
import { Downloads } from './remote-source.ts'
import type { RootFilesystems } from './rootfs.ts'
import { type ContextFiles, type FileSource, reading } from './sources.ts'
import type { StageState } from './stage.ts'

export interface CopyParts {
  /** The build context. */
  context: ContextFiles
  rootfs: RootFilesystems
  kernel: BuildKernel
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
  checksum: string | undefined
  extract: boolean
}

export async function runCopy(
  parts: CopyParts,
  request: {
    state: StageState
    step: Step
    expand: (text: string) => string
    /** Expands what a here-document holds. */
    expandContent: (text: string) => string
    source: (from: string | undefined) => Promise<FileSource>
    signal?: AbortSignal
  },
): Promise<PreparedCopy> {
  const { state, step } = request
  const wishes = parse(step, request.expand)
  const downloads = new Downloads(parts.context.root)
  const source = await request.source(wishes.from)
  const target = targetPath(state.config.WorkingDir, wishes.target)
  const heredoc = (marker: string) => step.heredocs?.find((item) => item.marker === marker)
  const withSources = async <T>(use: (sources: Source[]) => Promise<T>): Promise<T> => {
    const find = async (root: string) => {
      const found: Source[] = []
      for (const pattern of wishes.sources) {
        const document = heredoc(pattern)
        if (document) found.push(await downloads.inline(document.name, contentOf(document, request)))
        else if (step.keyword === 'ADD' && isRemote(pattern))
          found.push(await downloads.fetch(pattern, { checksum: wishes.checksum, signal: request.signal }))
        else found.push(...(await findSources(root, pattern, step.keyword)))
      }
      refuseSeveral(step.keyword, found, target)
      return use(found)
    }
    const needsNone = wishes.sources.every(
      (pattern) => heredoc(pattern) || (step.keyword === 'ADD' && isRemote(pattern)),
    )
    return needsNone ? find('/nonexistent') : reading(source, parts.rootfs, find)
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
  const heredocs = new Set(step.heredocs?.map(({ marker }) => marker))
  const list = (jsonForm(step.rest) ?? rawWords(step.rest)).map((word) =>
    heredocs.has(word) ? word : expand(word),
  )
  const target = list.pop()
  if (target === undefined || list.length === 0) {
    throw new EngineError(
      'invalid_argument',
      `${step.keyword} requires at least two arguments, but only ${list.length + 1} was provided`,
    )
  }
  const known = ['chown', 'chmod', 'link', step.keyword === 'COPY' ? 'from' : 'checksum']
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
    checksum: checksum(list, flag('checksum')),
    extract: step.keyword === 'ADD',
  }
}

/** `--checksum` is for one source, and that from the network. */
function checksum(sources: readonly string[], value: string | undefined): string | undefined {
  if (value === undefined) return undefined
  if (sources.length !== 1 || !isRemote(sources[0] ?? ''))
    throw new EngineError('invalid_argument', "checksum can't be specified for non-HTTP(S) sources")
  if (/^sha256:[0-9a-f]{64}$/.test(value)) return value
  throw new EngineError('invalid_argument', `checksum specified: ${value}: unsupported digest`)
}

function isRemote(source: string): boolean {
  if (/^(git@|git:\/\/|ssh:\/\/)|\.git(#.*)?$/.test(source))
    throw new EngineError('not_implemented', `ADD of a git repository is not supported: ${source}`)
  return /^https?:\/\//.test(source)
}

function contentOf(document: Heredoc, request: { expandContent: (text: string) => string }): string {
  return document.expand ? request.expandContent(document.content) : document.content
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

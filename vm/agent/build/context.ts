/** The build context: the client's tar unpacked in a directory of its own. */
import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { EngineError } from '../../api/errors.ts'
import { type ApplyKernel, LayerWriter } from '../snapshots/apply.ts'
import { decompressed } from '../snapshots/decompress.ts'
import { TarReader } from '../snapshots/tar-reader.ts'
import { resolveInRoot } from './root-path.ts'
import type { ContextFiles } from './sources.ts'

export class BuildContext implements AsyncDisposable, ContextFiles {
  readonly root: string

  constructor(root: string) {
    this.root = root
  }

  /** Unpacks below `parent`; nothing stays when that fails. */
  static async receive(
    tar: AsyncIterable<Uint8Array>,
    parent: string,
    kernel: ApplyKernel,
    options: { signal?: AbortSignal } = {},
  ): Promise<BuildContext> {
    const context = new BuildContext(join(parent, randomUUID()))
    await mkdir(context.root, { recursive: true, mode: 0o755 })
    try {
      await extractTar(tar, context.root, kernel, options)
      return context
    } catch (error) {
      await context[Symbol.asyncDispose]()
      throw error
    }
  }

  /** It was received whole. */
  fill(): Promise<void> {
    return Promise.resolve()
  }

  /** Text of the Dockerfile; without a name `Dockerfile`, or `dockerfile` where only that is there. */
  async dockerfile(name: string): Promise<string> {
    const names = name === '' || name === 'Dockerfile' ? ['Dockerfile', 'dockerfile'] : [name]
    for (const candidate of names) {
      const path = await resolveInRoot(this.root, candidate)
      const text = await readFile(path, 'utf8').catch(() => undefined)
      if (text !== undefined) return text
    }
    const message = `Cannot locate specified Dockerfile: ${name || 'Dockerfile'}`
    throw new EngineError('invalid_argument', message, { details: { status: 500 } })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.root, { recursive: true, force: true })
  }
}

/** A tar, compressed or not, into a directory; paths stay inside. */
export async function extractTar(
  tar: AsyncIterable<Uint8Array>,
  root: string,
  kernel: ApplyKernel,
  options: { signal?: AbortSignal } = {},
): Promise<void> {
  const writer = new LayerWriter({ kernel, root, lower: [] })
  const reader = new TarReader(writer)
  try {
    for await (const chunk of decompressed(tar)) {
      options.signal?.throwIfAborted()
      reader.push(chunk)
    }
    reader.finish()
    writer.finish()
  } finally {
    writer.abort()
  }
}

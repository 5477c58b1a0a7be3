/** Sources that are not in any context: `ADD https://…` and here-documents, as files for the time of a build step. */
import { createHash, randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, rm, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { EngineError, messageOf } from '../../api/errors.ts'
import { fileChunks } from '../content/chunks.ts'
import type { Source } from './copy.ts'

export class Downloads implements AsyncDisposable {
  readonly #root: string
  readonly #fetched = new Map<string, Source>()

  /** Files go beside `contextRoot`, not into it. */
  constructor(contextRoot: string) {
    this.#root = join(dirname(contextRoot), `add-${randomUUID()}`)
  }

  /** A file of this text. */
  async inline(name: string, content: string): Promise<Source> {
    const folder = join(this.#root, 'inline')
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await writeFile(join(folder, name), content, { mode: 0o644 })
    return { root: folder, path: name, name }
  }

  /** The file of a URL, fetched once. invalid_argument when it does not have the checksum. */
  async fetch(
    url: string,
    { checksum, signal }: { checksum: string | undefined; signal: AbortSignal | undefined },
  ): Promise<Source> {
    const known = this.#fetched.get(url)
    if (known) return known
    const name = new URL(url).pathname.split('/').pop() ?? ''
    if (name === '') throw new EngineError('invalid_argument', `cannot determine filename from url: ${url}`)
    await mkdir(this.#root, { recursive: true, mode: 0o700 })
    const path = join(this.#root, name)
    try {
      const response = await fetch(url, signal ? { signal } : {})
      if (!response.ok || !response.body)
        throw new Error(`failed to GET ${url} with status ${response.status} ${response.statusText}`)
      await pipeline(Readable.fromWeb(response.body as never), createWriteStream(path, { mode: 0o600 }))
      const modified = Date.parse(response.headers.get('last-modified') ?? '')
      if (checksum !== undefined) await verify(path, checksum)
      if (!Number.isNaN(modified)) await utimes(path, modified / 1000, modified / 1000)
    } catch (error) {
      signal?.throwIfAborted()
      throw new EngineError('invalid_argument', `ADD failed: ${messageOf(error)}`, { cause: error })
    }
    const source = { root: this.#root, path: name, name }
    this.#fetched.set(url, source)
    return source
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#root, { recursive: true, force: true })
  }
}

async function verify(path: string, checksum: string): Promise<void> {
  const hash = createHash('sha256')
  for await (const chunk of fileChunks(path)) hash.update(chunk)
  const found = `sha256:${hash.digest('hex')}`
  if (found !== checksum) throw new Error(`digest mismatch ${found}: ${checksum}`)
}

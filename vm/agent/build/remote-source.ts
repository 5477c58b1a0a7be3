/** `ADD https://…`: one file, fetched for the time of a build step. */

import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, rm, utimes } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { EngineError, messageOf } from '../../api/errors.ts'
import type { Source } from './copy.ts'

export class Downloads implements AsyncDisposable {
  readonly #root: string
  readonly #fetched = new Map<string, Source>()

  /** Files go beside `contextRoot`, not into it. */
  constructor(contextRoot: string) {
    this.#root = join(dirname(contextRoot), `add-${randomUUID()}`)
  }

  /** The file of a URL, fetched once. */
  async fetch(url: string, signal?: AbortSignal): Promise<Source> {
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

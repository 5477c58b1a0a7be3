/** Getting one blob into a registry: there already, mounted, or uploaded (distribution spec, pushing blobs). */
import { EngineError } from '../../api/errors.ts'
import type { Descriptor } from '../content/store.ts'
import type { Repository } from './registry.ts'
import type { HttpResponse } from './registry-http.ts'

export type UploadOutcome = { type: 'exists' } | { type: 'mounted'; from: string } | { type: 'pushed' }

/** Registries behind proxies refuse bigger requests; the spec's own chunked upload is used then. */
const CHUNK = 16 * 1024 * 1024

/**
 * `open` gives the blob's bytes from an offset; a chunk of it is gone when the next is asked for. The upload is one request; a registry that refuses that for its size
 * gets chunks.
 */
export async function pushBlob(
  repository: Repository,
  blob: Descriptor,
  open: (offset: number) => AsyncIterable<Uint8Array>,
  options: {
    signal?: AbortSignal | undefined
    onProgress?: (current: number) => void
    /** Repositories of the same registry that may have it. */
    siblings?: string[]
  },
): Promise<UploadOutcome> {
  const signal = options.signal ? { signal: options.signal } : {}
  const head = await repository.send({
    method: 'HEAD',
    url: repository.url(`blobs/${blob.digest}`),
    ...signal,
  })
  head.body.resume()
  if (head.status === 200) return { type: 'exists' }
  let session: HttpResponse | undefined
  for (const from of options.siblings ?? []) {
    const answer = await start(repository, `?mount=${blob.digest}&from=${encodeURIComponent(from)}`, signal)
    if (answer.status === 201) return { type: 'mounted', from }
    if (answer.status === 202) {
      session = answer
      break
    }
  }
  session ??= await start(repository, '', signal)
  if (session.status !== 202) throw await repository.refusal(session)
  const done = await upload(repository, locationOf(session), blob, open, options)
  if (done.status !== 201 && done.status !== 204) throw await repository.refusal(done)
  done.body.resume()
  return { type: 'pushed' }
}

async function start(
  repository: Repository,
  query: string,
  options: { signal?: AbortSignal },
): Promise<HttpResponse> {
  const response = await repository.send({
    method: 'POST',
    url: repository.url(`blobs/uploads/${query}`),
    body: Buffer.alloc(0),
    ...options,
  })
  if (response.status === 201 || response.status === 202) response.body.resume()
  return response
}

async function upload(
  repository: Repository,
  location: URL,
  blob: Descriptor,
  open: (offset: number) => AsyncIterable<Uint8Array>,
  options: { signal?: AbortSignal | undefined; onProgress?: (current: number) => void },
): Promise<HttpResponse> {
  const signal = options.signal ? { signal: options.signal } : {}
  const response = await repository.send({
    method: 'PUT',
    url: withDigest(location, blob),
    headers: { 'content-type': 'application/octet-stream', 'content-length': String(blob.size) },
    body: counted(open(0), options.onProgress),
    ...signal,
  })
  if (response.status !== 413) return response
  response.body.resume()
  return chunked(repository, await freshSession(repository, signal), blob, open, options)
}

async function chunked(
  repository: Repository,
  first: URL,
  blob: Descriptor,
  open: (offset: number) => AsyncIterable<Uint8Array>,
  options: { signal?: AbortSignal | undefined; onProgress?: (current: number) => void },
): Promise<HttpResponse> {
  const signal = options.signal ? { signal: options.signal } : {}
  let location = first
  let offset = 0
  for await (const chunk of grouped(open(0), Math.min(CHUNK, blob.size))) {
    const response = await repository.send({
      method: 'PATCH',
      url: location,
      headers: {
        'content-type': 'application/octet-stream',
        'content-range': `${offset}-${offset + chunk.length - 1}`,
      },
      body: chunk,
      ...signal,
    })
    if (response.status !== 202) return response
    response.body.resume()
    location = locationOf(response)
    offset += chunk.length
    options.onProgress?.(offset)
  }
  return repository.send({ method: 'PUT', url: withDigest(location, blob), body: Buffer.alloc(0), ...signal })
}

async function freshSession(repository: Repository, options: { signal?: AbortSignal }): Promise<URL> {
  const response = await start(repository, '', options)
  if (response.status !== 202) throw await repository.refusal(response)
  return locationOf(response)
}

function locationOf(response: HttpResponse): URL {
  const location = response.header('location')
  if (location === undefined)
    throw new EngineError('internal', `${response.url.href}: the registry named no upload location`)
  return new URL(location, response.url)
}

function withDigest(location: URL, blob: Descriptor): URL {
  const url = new URL(location)
  url.searchParams.set('digest', blob.digest)
  return url
}

async function* counted(
  source: AsyncIterable<Uint8Array>,
  onProgress: ((current: number) => void) | undefined,
): AsyncIterable<Uint8Array> {
  let current = 0
  for await (const chunk of source) {
    yield chunk
    current += chunk.length
    onProgress?.(current)
  }
}

/** Pieces of `size`, in one buffer that is filled again for the next. */
async function* grouped(source: AsyncIterable<Uint8Array>, size: number): AsyncIterable<Uint8Array> {
  const group = Buffer.allocUnsafeSlow(size)
  let held = 0
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; ) {
      const piece = chunk.subarray(at, at + size - held)
      group.set(piece, held)
      held += piece.length
      at += piece.length
      if (held < size) continue
      yield group
      held = 0
    }
  }
  if (held > 0) yield group.subarray(0, held)
}

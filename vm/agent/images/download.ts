/** The archive of `docker import https://…`, fetched while it is unpacked. */
import { EngineError, messageOf } from '../../api/errors.ts'
import type { ProgressMessage } from '../../api/images.ts'

/** Bytes between two reports. */
const STEP = 512 * 1024

/**
 * The bytes at `source`, a URL with or without its scheme, which is opened when they are asked for; reports on what comes
 * of it. internal in Go's words when there is nothing to be had there.
 */
export async function* downloadArchive(
  source: string,
  report: (message: ProgressMessage) => void,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(source) ? source : `http://${source}`
  if (!URL.canParse(url)) {
    throw new EngineError(
      'internal',
      `Get ${JSON.stringify(source === '' ? 'http:' : url)}: http: no Host in request URL`,
    )
  }
  const response = await get(url, signal)
  report({ status: `Downloading from ${url}` })
  yield* counted(response, Number(response.headers.get('content-length') ?? 0), report)
}

async function get(url: string, signal: AbortSignal): Promise<Response> {
  let response: Response
  try {
    response = await fetch(url, { signal })
  } catch (error) {
    signal.throwIfAborted()
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    throw new EngineError('internal', `Get ${JSON.stringify(url)}: ${messageOf(cause)}`, { cause: error })
  }
  if (response.ok && response.body) return response
  await response.body?.cancel()
  throw new EngineError(
    response.status === 404 ? 'not_found' : 'internal',
    `failed to GET ${url} with status ${response.status} ${response.statusText}: `,
  )
}

async function* counted(
  response: Response,
  total: number,
  report: (message: ProgressMessage) => void,
): AsyncIterable<Uint8Array> {
  let current = 0
  let told = 0
  for await (const chunk of response.body ?? []) {
    current += chunk.length
    if (current - told >= STEP || current === total) {
      told = current
      report({ status: 'Importing', progressDetail: { current, ...(total > 0 ? { total } : {}) } })
    }
    yield chunk
  }
}

import type { IncomingMessage } from 'node:http'
import { EngineError, type ErrorKind } from '../../vm/api/errors.ts'

const KINDS: Readonly<Record<number, ErrorKind>> = {
  304: 'not_modified',
  400: 'invalid_argument',
  401: 'unauthenticated',
  403: 'permission_denied',
  404: 'not_found',
  405: 'not_implemented',
  409: 'conflict',
  499: 'cancelled',
  501: 'not_implemented',
  503: 'unavailable',
}

/** A message is no longer than this; the rest of a runaway body is not read. */
const LIMIT = 64 * 1024

/** The failure that an engine's answer states: the only place that maps statuses to kinds. Reads the body up. */
export async function responseError(response: IncomingMessage): Promise<EngineError> {
  const status = response.statusCode ?? 500
  const text = await bodyOf(response)
  const { message, hint, details } = parse(text)
  const options: { hint?: string; details?: Record<string, unknown> } = {}
  if (hint !== undefined) options.hint = hint
  if (details !== undefined) options.details = details
  const fallback = status === 304 ? 'not modified' : `the engine answered ${status}`
  return new EngineError(KINDS[status] ?? 'internal', message ?? (text.trim() || fallback), options)
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk)
      size += chunk.length
      if (size > LIMIT) break
    }
  } catch {
    // The status is what counts; a body cut short only shortens the message.
    return Buffer.concat(chunks).toString('utf8')
  }
  return Buffer.concat(chunks).toString('utf8').slice(0, LIMIT)
}

function parse(text: string): { message?: string; hint?: string; details?: Record<string, unknown> } {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    return {}
  }
  if (typeof body !== 'object' || body === null) return {}
  const { message, hint, details } = body as Record<string, unknown>
  return {
    ...(typeof message === 'string' ? { message } : {}),
    ...(typeof hint === 'string' ? { hint } : {}),
    ...(typeof details === 'object' && details !== null
      ? { details: details as Record<string, unknown> }
      : {}),
  }
}

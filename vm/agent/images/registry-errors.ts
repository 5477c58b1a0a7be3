/** Refusals of a registry (distribution spec, error codes) in the words and kinds of dockerd. */
import { EngineError, type ErrorKind } from '../../api/errors.ts'
import { type HttpResponse, readErrorBody } from './registry-http.ts'

interface RegistryError {
  code: string
  message: string
}

/** Reads what a non-2xx answer says and makes it the error the user sees. */
export async function refusalOf(
  response: HttpResponse,
  subject: { name: string; full: string },
): Promise<EngineError> {
  const text = await readErrorBody(response)
  const first = errorsIn(text)[0] ?? defaultError(response.status)
  const temporary = response.status === 429 || response.status === 408 || response.status >= 500
  const details = { registryStatus: response.status, code: first?.code, temporary }
  if (!first) {
    const said = text.trim() === '' ? '' : `: ${text.trim().slice(0, 300)}`
    return new EngineError(
      'internal',
      `received unexpected HTTP status: ${response.status} ${response.body.statusMessage ?? ''}${said}`,
      { details },
    )
  }
  const { kind, message } = worded(first, subject)
  return new EngineError(kind, message, { details })
}

function worded(
  error: RegistryError,
  subject: { name: string; full: string },
): { kind: ErrorKind; message: string } {
  const cause = `${error.code.toLowerCase().replaceAll('_', ' ')}: ${error.message}`
  switch (error.code) {
    case 'DENIED':
      return {
        kind: 'not_found',
        message: `pull access denied for ${subject.name}, repository does not exist or may require 'docker login': ${cause}`,
      }
    case 'MANIFEST_UNKNOWN':
      return { kind: 'not_found', message: `manifest for ${subject.full} not found: ${cause}` }
    case 'NAME_UNKNOWN':
      return { kind: 'not_found', message: `repository ${subject.name} not found: ${cause}` }
    case 'UNAUTHORIZED':
      return { kind: 'unauthenticated', message: cause }
    default:
      return { kind: 'internal', message: cause }
  }
}

function errorsIn(text: string): RegistryError[] {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    return []
  }
  const list = (body as { errors?: unknown } | null)?.errors
  if (!Array.isArray(list)) return []
  return list.flatMap((item: unknown) => {
    const { code, message } = (item ?? {}) as Record<string, unknown>
    return typeof code === 'string'
      ? [{ code, message: typeof message === 'string' ? message : code.toLowerCase().replaceAll('_', ' ') }]
      : []
  })
}

/** A refusal without the spec's body (HEAD, proxies). */
function defaultError(status: number): RegistryError | undefined {
  if (status === 401) return { code: 'UNAUTHORIZED', message: 'authentication required' }
  if (status === 403) return { code: 'DENIED', message: 'requested access to the resource is denied' }
  if (status === 404) return { code: 'MANIFEST_UNKNOWN', message: 'manifest unknown' }
  return undefined
}

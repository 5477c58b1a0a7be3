/** Failures as users know them from BuildKit. */
import { EngineError } from '../../../api/errors.ts'
import type { Step } from '../dockerfile.ts'

/** Without a gRPC status in front, and with BuildKit's words where it has some of its own. */
export function inBuildkitWords(error: unknown): unknown {
  if (!(error instanceof EngineError) || error.kind === 'cancelled') return error
  const { details = {} } = error
  return new EngineError('internal', wordsOf(error.message, details), { cause: error, details })
}

function wordsOf(message: string, { exitCode, command, missing }: EngineError['details'] & object): string {
  if (typeof exitCode === 'number')
    return `process "${command}" did not complete successfully: exit code: ${exitCode}`
  if (typeof missing === 'string')
    return `failed to compute cache key: failed to calculate checksum of ref context: "/${missing}": not found`
  return message
}

/** The error with the lines of the Dockerfile that it is about, which clients show. */
export function withSource(
  error: unknown,
  source: { filename: string; dockerfile: string; step: Step | undefined },
): unknown {
  if (!(error instanceof EngineError) || error.kind === 'cancelled') return error
  const parsed = /^dockerfile parse error on line (\d+):/.exec(error.message)?.[1]
  const first = parsed === undefined ? (source.step?.line ?? 0) : Number(parsed)
  if (first === 0) return error
  const last = first + (source.step && parsed === undefined ? source.step.lines - 1 : 0)
  const { filename, dockerfile } = source
  const detail = {
    info: { filename, data: Buffer.from(dockerfile).toString('base64'), language: 'Dockerfile' },
    ranges: [{ start: { line: first }, end: { line: last } }],
  }
  const rpc = [{ type_url: SOURCE_TYPE, value: Buffer.from(JSON.stringify(detail)) }]
  return new EngineError(error.kind, error.message, { cause: error, details: { ...error.details, rpc } })
}

const SOURCE_TYPE = 'github.com/moby/buildkit/errdefs.Source+json'

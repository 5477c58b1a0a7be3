import { EngineError, messageOf } from '../../api/errors.ts'

/** What a failed start leaves as the container's exit code: 126, 127, or 128 when it is not the program's fault. */
export function exitCodeOf(error: unknown): number {
  const code = error instanceof EngineError ? error.details?.['exitCode'] : undefined
  return typeof code === 'number' ? code : 128
}

/** A failure of the runtime; what it says itself is in dockerd's words already. */
export function taskFailure(error: unknown): EngineError {
  if (error instanceof EngineError && error.kind !== 'internal') return error
  return new EngineError('internal', `failed to create task for container: ${messageOf(error)}`, {
    cause: error,
  })
}

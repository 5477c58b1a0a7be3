import { EngineError, type ErrorKind, kindOf } from '../../api/errors.ts'

const STATUS: Record<ErrorKind, number> = {
  not_found: 404,
  already_exists: 409,
  invalid_argument: 400,
  conflict: 409,
  not_modified: 304,
  permission_denied: 403,
  unauthenticated: 401,
  unavailable: 503,
  not_implemented: 501,
  cancelled: 499,
  internal: 500,
  data_loss: 500,
  vm_failed: 500,
}

/** The only place that knows HTTP statuses of failures; `details.status` overrides where Docker is irregular. */
export function statusOf(error: unknown): number {
  if (error instanceof EngineError) {
    const status = error.details?.['status']
    if (typeof status === 'number') return status
  }
  return STATUS[kindOf(error)]
}

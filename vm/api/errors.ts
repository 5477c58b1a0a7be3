/**
 * The one error class of Slipway and the closed list of its kinds. Kinds are decided where the failure is known,
 * mapped to an HTTP status in one place (`vm/agent/http`) and back to a kind in one place (`app/engine`).
 * Never decide anything by the text of a message.
 */
export type ErrorKind =
  | 'not_found'
  | 'already_exists'
  | 'invalid_argument'
  | 'conflict'
  | 'not_modified'
  | 'permission_denied'
  | 'unauthenticated'
  | 'unavailable'
  | 'not_implemented'
  | 'cancelled'
  | 'internal'
  | 'data_loss'
  /** Host only: the virtual machine did not start, died or cannot be reached. */
  | 'vm_failed'

export interface ErrorOptions {
  readonly cause?: unknown
  /** What the user can do about it; a UI shows it below the message. */
  readonly hint?: string
  /** Machine-readable facts about the failure (holder of a port, name of a field, …). Plain JSON. */
  readonly details?: Readonly<Record<string, unknown>>
}

/**
 * Message: what failed and on which subject, in Docker's own words where Docker has words for it, else lower-case
 * without a final period ("container web: not found"). Wrap with `cause`; do not re-word.
 */
export class EngineError extends Error {
  override readonly name = 'EngineError'
  readonly kind: ErrorKind
  readonly hint: string | undefined
  readonly details: Readonly<Record<string, unknown>> | undefined

  constructor(kind: ErrorKind, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.kind = kind
    this.hint = options.hint
    this.details = options.details
  }
}

/** The kind of any thrown value: an EngineError's own, 'cancelled' for an aborted signal, else 'internal'. */
export function kindOf(error: unknown): ErrorKind {
  if (error instanceof EngineError) return error.kind
  if (error instanceof Error && error.name === 'AbortError') return 'cancelled'
  return 'internal'
}

/** The message of any thrown value, for wrapping and for logs. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

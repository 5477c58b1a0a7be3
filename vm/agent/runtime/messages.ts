/**
 * crun's error text → Docker's words and exit codes. The one place where a text decides: crun 1.21 (pinned in the
 * image) has no other way to tell what went wrong.
 */
import { EngineError } from '../../api/errors.ts'

/** What the shell and Docker call it. */
const NOT_FOUND = 127
const NOT_EXECUTABLE = 126
/** Everything else that keeps a container from starting. */
const OTHER = 128

interface Pattern {
  matches: RegExp
  /** `name` is the program as the user wrote it. */
  message: (name: string, match: RegExpMatchArray) => string
  exitCode: number
}

const PATTERNS: readonly Pattern[] = [
  {
    matches: /executable file `[^`]*` not found in \$PATH|cannot find `` in \$PATH/,
    message: (name) => `exec: "${name}": executable file not found in $PATH`,
    exitCode: NOT_FOUND,
  },
  {
    matches: /executable file `([^`]*)` not found/,
    message: (name) => `exec: "${name}": stat ${name}: no such file or directory`,
    exitCode: NOT_FOUND,
  },
  {
    matches: /the path `[^`]*` exists but it is not executable/,
    message: (name) => `exec: "${name}": permission denied`,
    exitCode: NOT_EXECUTABLE,
  },
  {
    matches: /the path `[^`]*` is not a regular file/,
    message: (name) => `exec: "${name}": is a directory: permission denied`,
    exitCode: NOT_EXECUTABLE,
  },
  {
    matches: /cannot open `([^`]*)`: (Permission denied|Not a directory)/,
    message: (name, match) => `exec: "${name}": ${(match[2] ?? '').toLowerCase()}`,
    exitCode: NOT_EXECUTABLE,
  },
  {
    matches: /chdir to `([^`]*)`: (.*)/,
    message: (_, match) =>
      `chdir to cwd ("${match[1]}") set in config.json failed: ${(match[2] ?? '').toLowerCase()}`,
    exitCode: NOT_FOUND,
  },
]

/** The failure of a container's creation; `details.exitCode` is what the container's exit code becomes. */
export function createFailure(stderr: string, program: string): EngineError {
  const { message, exitCode } = translate(stderr, program)
  const prefix =
    'failed to create task for container: failed to create shim task: OCI runtime create failed: '
  return new EngineError(
    'invalid_argument',
    `${prefix}runc create failed: unable to start container process: error during container init: ${message}`,
    { details: { exitCode } },
  )
}

/** The failure of an exec, in the words that the docker CLI prints. */
export function execFailure(stderr: string, program: string): EngineError {
  const { message, exitCode } = translate(stderr, program)
  return new EngineError(
    'invalid_argument',
    `OCI runtime exec failed: exec failed: unable to start container process: ${message}`,
    { details: { exitCode } },
  )
}

function translate(stderr: string, program: string): { message: string; exitCode: number } {
  for (const { matches, message, exitCode } of PATTERNS) {
    const match = stderr.match(matches)
    if (match) return { message: message(program, match), exitCode }
  }
  const lines = stderr.split('\n').map((line) => line.trim())
  return { message: lines.filter(Boolean).join(': ') || 'crun failed without a message', exitCode: OTHER }
}

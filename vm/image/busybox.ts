import { EngineError } from '../api/errors.ts'

/**
 * Names of the applets that a busybox program holds. They are read from the program's own table (NUL-separated, sorted,
 * `[` and `[[` first), so a program of another architecture need not be run.
 */
export function appletNames(program: Buffer): string[] {
  const start = program.indexOf('[\0[[\0')
  const end = program.indexOf('\0\0', start)
  const names = start < 0 ? [] : program.toString('latin1', start, end).split('\0')
  if (!names.includes('sh') || names.some((name) => !/^[a-z0-9_[.-]+$/.test(name))) {
    throw new EngineError('internal', 'busybox: its table of applets was not found')
  }
  return names
}

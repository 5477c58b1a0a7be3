import { EngineError } from '../../api/errors.ts'

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/

export function isVolumeName(name: string): boolean {
  return NAME.test(name)
}

/** The name itself; invalid_argument in Docker's words. */
export function checkVolumeName(name: string): string {
  if (isVolumeName(name)) return name
  const problem =
    [...name].length < 2
      ? 'volume name is too short, names should be at least two alphanumeric characters'
      : `"${name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`
  throw new EngineError('invalid_argument', `create ${name}: ${problem}`)
}

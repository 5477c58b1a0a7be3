import { EngineError } from '../../api/errors.ts'
import { API_VERSION, MIN_API_VERSION } from '../../api/version.ts'

/** Splits `/v1.xx` off a path; without it the newest version counts. */
export function splitVersion(path: string): { path: string; version: string } {
  const match = /^\/v([0-9.]+)(\/.*)$/.exec(path)
  return match?.[1] && match[2] ? { path: match[2], version: match[1] } : { path, version: API_VERSION }
}

/** invalid_argument in Docker's words for versions out of range. */
export function checkVersion(version: string): void {
  if (compareVersions(version, MIN_API_VERSION) < 0) {
    throw new EngineError(
      'invalid_argument',
      `client version ${version} is too old. Minimum supported API version is ${MIN_API_VERSION}, please upgrade your client to a newer version`,
    )
  }
  if (compareVersions(version, API_VERSION) > 0) {
    throw new EngineError(
      'invalid_argument',
      `client version ${version} is too new. Maximum supported API version is ${API_VERSION}`,
    )
  }
}

/** Negative, zero or positive, by major then minor. */
export function compareVersions(a: string, b: string): number {
  const [majorA = 0, minorA = 0] = a.split('.').map(Number)
  const [majorB = 0, minorB = 0] = b.split('.').map(Number)
  return majorA - majorB || minorA - minorB
}

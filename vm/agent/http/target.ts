/** The target of a request line, as Go's server and gorilla/mux read it. Pure. */
import { posix } from 'node:path'

/** `/path?query`; also the absolute form. No part is decoded. */
export function splitTarget(target: string): { pathname: string; query: string } {
  const local = target.replace(/^https?:\/\/[^/?]*/, '')
  const at = local.indexOf('?')
  const pathname = at < 0 ? local : local.slice(0, at)
  return { pathname: pathname === '' ? '/' : pathname, query: at < 0 ? '' : local.slice(at + 1) }
}

/** Without `//`, `.` and `..`; dockerd sends clients there that ask for another one. */
export function cleanPath(path: string): string {
  const plain = path.replace(/%2e/gi, '.')
  if (!/\/\/|\/\.{1,2}(?:\/|$)/.test(plain)) return path
  return posix.normalize(plain)
}

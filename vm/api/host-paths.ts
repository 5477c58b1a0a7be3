/**
 * Paths of the user's computer. Between app and engine they are written as POSIX has them: `C:\Users\me` is
 * `/c/Users/me`. Pure.
 */
export type HostPlatform = 'linux' | 'darwin' | 'win32'

/** `C:\Users`, `c:/Users`. */
const DRIVE = /^(?<drive>[A-Za-z]):(?<rest>[\\/].*)?$/s
/** `//c/Users`, as shells of Unix on Windows have to write it. */
const DOUBLED = /^\/\/(?<drive>[A-Za-z])(?<rest>\/.*)?$/s
/** `/c/Users`. */
const ROOTED = /^\/(?<drive>[A-Za-z])(?<rest>\/.*)?$/s

/** Whether it can be nothing but a path of a Windows computer: it begins with a drive and a colon. */
export function hasDrive(path: string, platform: HostPlatform): boolean {
  return platform === 'win32' && DRIVE.test(path)
}

/**
 * An absolute path of that computer in POSIX form, clean; undefined for what is none there. On Windows `C:\Users`,
 * `C:/Users`, `//c/Users` and `/c/Users` are the same, and shares of a network (`\\server\share`) are none.
 */
export function posixHostPath(path: string, platform: HostPlatform): string | undefined {
  if (platform !== 'win32') return path.startsWith('/') ? clean(path) : undefined
  const { drive, rest = '' } = (DRIVE.exec(path) ?? DOUBLED.exec(path) ?? ROOTED.exec(path))?.groups ?? {}
  return drive === undefined ? undefined : clean(`/${drive.toLowerCase()}${rest.replaceAll('\\', '/')}`)
}

/** The same path as the computer's own programs write it: `/c/Users/me` is `C:\Users\me` on Windows. */
export function nativeHostPath(path: string, platform: HostPlatform): string {
  const { drive, rest } = (platform === 'win32' ? ROOTED.exec(path) : undefined)?.groups ?? {}
  if (drive === undefined) return path
  return `${drive.toUpperCase()}:${rest?.replaceAll('/', '\\') ?? '\\'}`
}

/**
 * Where a POSIX path lies when one of the shared folders (in the computer's own form) holds it, else undefined. The
 * folder's part has the folder's own case, where the computer makes no difference.
 */
export function sharedHostPath(
  path: string,
  folders: readonly string[],
  platform: HostPlatform,
): string | undefined {
  const fold = (text: string): string => (platform === 'linux' ? text : text.toLowerCase())
  for (const folder of folders) {
    const root = posixHostPath(folder, platform)
    if (root === undefined) continue
    if (root === '/') return path
    if (fold(path) === fold(root) || fold(path).startsWith(`${fold(root)}/`)) {
      return root + path.slice(root.length)
    }
  }
  return undefined
}

/** Without `.`, `..`, empty parts and the slash at the end. */
function clean(path: string): string {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return `/${parts.join('/')}`
}

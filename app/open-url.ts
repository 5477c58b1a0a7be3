import { spawn } from 'node:child_process'
import { EngineError } from '../vm/api/errors.ts'

/** Whether a window could be seen here at all. */
export function hasDisplay(env: NodeJS.ProcessEnv = process.env): boolean {
  return process.platform !== 'linux' || Boolean(env['DISPLAY'] || env['WAYLAND_DISPLAY'])
}

/** Opens an address in the user's browser; false when nothing here can. Waits only for the opener to start. */
export async function openInBrowser(url: string): Promise<boolean> {
  const [command, ...args] = opener(url)
  if (command === undefined) return false
  return await new Promise<boolean>((resolve) => {
    const child = spawn(command, args, { stdio: 'ignore', detached: true })
    child.once('error', () => resolve(false))
    child.once('spawn', () => {
      child.unref()
      resolve(true)
    })
  })
}

function opener(url: string): string[] {
  if (process.platform === 'darwin') return ['open', url]
  if (process.platform === 'win32') return ['rundll32', 'url.dll,FileProtocolHandler', url]
  return ['xdg-open', url]
}

/** Sites that the UI links to. Everything else that it opens is a container's port on this computer. */
const KNOWN_HOSTS = new Set(['docs.docker.com', 'hub.docker.com', 'github.com'])
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/

/** The address as it may be opened outside; throws 'permission_denied' for any other scheme or host. */
export function allowedExternal(url: string): string {
  let parsed: URL
  try {
    parsed = new URL(url)
  } catch (cause) {
    throw new EngineError('invalid_argument', `not an address: ${url}`, { cause })
  }
  const { protocol, hostname } = parsed
  const web = protocol === 'http:' || protocol === 'https:'
  const known = protocol === 'https:' && KNOWN_HOSTS.has(hostname)
  if (!web || parsed.username !== '' || !(LOOPBACK.test(hostname) || known)) {
    throw new EngineError('permission_denied', `${url}: not an address that Slipway opens`)
  }
  return parsed.href
}

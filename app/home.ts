import { createHash } from 'node:crypto'
import { chmod, mkdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { EngineError } from '../vm/api/errors.ts'

/** Where this installation keeps its state; machine/paths.ts lists the machine's own files beside these. */
export interface Home {
  readonly root: string
  /** The Docker Engine API for the host's clients: a unix socket, on Windows a named pipe. */
  readonly dockerSocket: string
  /** The contract for the `slipway` command, served by the process that owns the home. */
  readonly controlSocket: string
  /** What DOCKER_HOST must be. */
  readonly dockerHost: string
  readonly settings: string
  /** Accounts at registries. */
  readonly registries: string
  /** Certificates of registries with an authority of their own: `<host[:port]>/ca.crt`. */
  readonly certificates: string
  /** Owners that containers gave to files of shared folders. */
  readonly folderOwners: string
  readonly windowState: string
  readonly appLog: string
  readonly serialLog: string
  readonly diagnostics: string
}

/** `sun_path` of macOS, the terminating zero included; Linux has 108. */
const SOCKET_PATH_LIMIT = 104

/**
 * The home of `SLIPWAY_HOME`, else `~/.slipway`. Touches nothing. Fails with 'invalid_argument' when its sockets' paths
 * would be too long for the operating system.
 */
export function resolveHome(
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): Home {
  const root = resolve(env['SLIPWAY_HOME'] || join(homedir(), '.slipway'))
  const token = createHash('sha256').update(root).digest('hex').slice(0, 16)
  const socket = (name: string): string =>
    platform === 'win32' ? `//./pipe/slipway-${name}-${token}` : join(root, `${name}.sock`)
  const home: Home = {
    root,
    dockerSocket: socket('docker'),
    controlSocket: socket('control'),
    dockerHost: `${platform === 'win32' ? 'npipe' : 'unix'}://${socket('docker')}`,
    settings: join(root, 'settings.json'),
    registries: join(root, 'registries.json'),
    certificates: join(root, 'certs.d'),
    folderOwners: join(root, 'folder-owners.json'),
    windowState: join(root, 'window.json'),
    appLog: join(root, 'app.log'),
    serialLog: join(root, 'serial.log'),
    diagnostics: join(root, 'diagnostics'),
  }
  const bytes = Buffer.byteLength(home.controlSocket)
  if (platform !== 'win32' && bytes >= SOCKET_PATH_LIMIT) {
    throw new EngineError(
      'invalid_argument',
      `SLIPWAY_HOME ${root}: path too long: ${home.controlSocket} has ${bytes} bytes, a socket's path may have ${SOCKET_PATH_LIMIT - 1}`,
      { hint: 'Choose a shorter folder for SLIPWAY_HOME.' },
    )
  }
  return home
}

/** Makes the home's folder, for its owner's eyes only. */
export async function prepareHome(home: Home): Promise<void> {
  await mkdir(home.root, { recursive: true, mode: 0o700 })
  await chmod(home.root, 0o700)
}

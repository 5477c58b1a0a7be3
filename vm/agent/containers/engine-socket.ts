/** The engine's own socket as a mount: containers that speak to the engine (Traefik, Portainer, Ryuk, CI runners). */
import { stat, symlink } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'

const NAME = 'docker.sock'

/**
 * Makes `/run/docker.sock` lead to the engine's socket at `/run/slipway/engine.sock`. The link is relative, so that it
 * leads there inside a container, too, that is given all of `/run`.
 */
export async function linkEngineSocket(socket: string): Promise<void> {
  const folder = dirname(dirname(socket))
  await symlink(relative(folder, socket), join(folder, NAME)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
}

/**
 * The path in the VM that a bind's source means. A `docker.sock` that the VM does not have is the one that the client
 * itself came by, on the user's computer: `~/.slipway/docker.sock`, which tools take from DOCKER_HOST.
 */
export async function bindSource(source: string, socket: string): Promise<string> {
  if (basename(source) !== NAME) return source
  const there = await stat(source).catch(() => undefined)
  return there ? source : socket
}

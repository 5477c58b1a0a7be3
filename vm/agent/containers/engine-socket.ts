/** The engine's own socket as a mount: containers that speak to the engine (Traefik, Portainer, Ryuk, CI runners). */
import { symlink } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'

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

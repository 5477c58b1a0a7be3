import { chmod, rm } from 'node:fs/promises'
import { connect, type Server } from 'node:net'
import { EngineError } from '../../vm/api/errors.ts'

/**
 * Makes a server listen on a unix socket that only its owner may use (0600; on Windows a named pipe). A file left by a
 * dead process is replaced; a socket that somebody answers on is left alone and the call fails with 'conflict'.
 */
export async function listenLocal(server: Server, path: string): Promise<void> {
  const pipe = path.startsWith('//./pipe/')
  if (await isLive(path)) throw new EngineError('conflict', `${path} is in use by another process`)
  if (!pipe) await rm(path, { force: true })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    // The file is made inside listen(): the mask closes the moment before chmod.
    const mask = process.umask(0o177)
    try {
      server.listen(path, () => {
        server.off('error', reject)
        resolve()
      })
    } finally {
      process.umask(mask)
    }
  })
  if (!pipe) await chmod(path, 0o600)
}

async function isLive(path: string): Promise<boolean> {
  return await new Promise<boolean>((resolve) => {
    const probe = connect(path)
    probe.once('connect', () => {
      probe.destroy()
      resolve(true)
    })
    probe.once('error', () => resolve(false))
  })
}

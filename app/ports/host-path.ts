import { stat } from 'node:fs/promises'
import { nativeHostPath } from '../../vm/api/host-paths.ts'

/** Whether a path in POSIX form is there on this computer, as far as this user can see. */
export async function pathExists(path: string): Promise<boolean> {
  const platform = process.platform === 'win32' ? 'win32' : 'linux'
  return await stat(nativeHostPath(path, platform)).then(
    () => true,
    () => false,
  )
}

import type { Disposal } from '../../api/disposal.ts'
import { EngineError } from '../../api/errors.ts'
import { mountSharedShm, sharedShmPath, unmountSharedShm } from '../runtime/shm.ts'
import type { Container } from './container.ts'
import type { Parts } from './parts.ts'

type IpcParts = Pick<Parts, 'kernel' | 'runDir' | 'table'>

/**
 * What the container binds on /dev/shm when others have the same: its own shareable one, mounted here, or that of the
 * container it joins. undefined: a private one, which the runtime makes.
 */
export async function sharedShm(
  parts: IpcParts,
  container: Container,
  undo: Disposal,
): Promise<string | undefined> {
  const { IpcMode: mode = '', ShmSize: size } = container.record.hostConfig
  if (mode === 'shareable') {
    const bundle = bundleOf(parts, container)
    undo.push(() => unmountSharedShm(parts.kernel, bundle))
    return mountSharedShm(parts.kernel, bundle, size)
  }
  if (!mode.startsWith('container:')) return undefined
  const donor = parts.table.get(mode.slice('container:'.length))
  const donorMode = donor.record.hostConfig.IpcMode ?? ''
  if (donorMode === 'host') return '/dev/shm'
  if (donorMode !== 'shareable') {
    throw new EngineError(
      'invalid_argument',
      `failed to join IPC namespace: container ${donor.id}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`,
    )
  }
  return sharedShmPath(bundleOf(parts, donor))
}

/** Gives back what `sharedShm` mounted for the container itself. */
export async function releaseSharedShm(parts: IpcParts, container: Container): Promise<void> {
  if (container.record.hostConfig.IpcMode !== 'shareable') return
  await unmountSharedShm(parts.kernel, bundleOf(parts, container))
}

function bundleOf(parts: Pick<Parts, 'runDir'>, container: Container): string {
  return `${parts.runDir}/${container.id}`
}

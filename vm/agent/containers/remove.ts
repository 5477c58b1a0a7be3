import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { EngineError, messageOf } from '../../api/errors.ts'
import type { Container } from './container.ts'
import { emit, type Parts } from './parts.ts'

/**
 * Auto-remove, as far as anybody can see it: record, name and anonymous volumes are gone and the waiters are told. The
 * caller holds the lock, and clears afterwards what lies about (`clearRemains`), which nobody has to wait for.
 */
export async function forgetContainer(parts: Parts, container: Container): Promise<void> {
  container.move({ type: 'removing' })
  try {
    // Not synced: the next start removes an auto-remove container that it finds again.
    await parts.store.remove(container.id, { durable: false })
  } catch (error) {
    container.move({ type: 'dead', error: messageOf(error) })
    throw error
  }
  // Its volumes are in use for as long as it is in the table.
  parts.table.delete(container)
  try {
    await removeVolumes(parts, container)
  } catch (error) {
    parts.log(`container ${container.shortId}: removing its volumes: ${messageOf(error)}`)
  }
  emit(parts, container, 'destroy')
  container.announce('removed', { exitCode: container.state.last.exitCode })
}

/** Frees what a forgotten container had on disk. What fails is logged; the next start sweeps it. */
export async function clearRemains(parts: Parts, container: Container): Promise<void> {
  try {
    await parts.roots.clear(container.id)
    await rm(join(parts.runDir, container.id), { recursive: true, force: true })
    await rm(parts.store.directory(container.id), { recursive: true, force: true })
    await parts.snapshots.remove(container.id)
  } catch (error) {
    parts.log(`container ${container.shortId}: clearing after its removal: ${messageOf(error)}`)
  }
}

/** Removes a container that does not run, with its anonymous volumes where asked. Waiters of every kind are told. */
export function removeContainer(
  parts: Parts,
  container: Container,
  options: { volumes: boolean },
): Promise<void> {
  return container.lock.run(async () => {
    if (parts.table.find(container.id) !== container) return
    container.cancelRestart?.()
    container.move({ type: 'removing' })
    try {
      await parts.runtime.discard(container.id)
      // The record goes first: from here on a crash leaves only what the next start sweeps.
      await parts.store.remove(container.id)
      await parts.roots.clear(container.id)
      await rm(join(parts.runDir, container.id), { recursive: true, force: true })
      await parts.snapshots.remove(container.id)
    } catch (error) {
      container.move({ type: 'dead', error: messageOf(error) })
      throw new EngineError(
        'internal',
        `unable to remove filesystem for ${container.id}: ${messageOf(error)}`,
        {
          cause: error,
        },
      )
    }
    parts.table.delete(container)
    if (options.volumes) await removeVolumes(parts, container)
    emit(parts, container, 'destroy')
    container.announce('removed', { exitCode: container.state.last.exitCode })
  })
}

/** Volumes made for this container alone; one that another container took over stays. */
async function removeVolumes(parts: Parts, container: Container): Promise<void> {
  for (const mount of container.record.mounts) {
    if (!mount.anonymous || !mount.Name) continue
    try {
      await parts.volumes.remove(mount.Name, { force: true })
    } catch (error) {
      if (!(error instanceof EngineError && error.kind === 'conflict')) throw error
    }
  }
}

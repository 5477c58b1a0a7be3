import type { Resources, RestartPolicy } from '../../api/containers.ts'
import { EngineError } from '../../api/errors.ts'
import { Cgroup } from '../runtime/cgroup.ts'
import type { Container } from './container.ts'
import { checkResources, checkRestartPolicy } from './host-config.ts'
import { emit, type Parts } from './parts.ts'

/**
 * `docker update`: new limits, at once where it runs, and a new restart policy. Zeros and empty texts change nothing,
 * as with dockerd. The container's lock is the caller's.
 */
export async function updateContainer(
  parts: Parts,
  container: Container,
  change: Resources & { RestartPolicy?: RestartPolicy },
): Promise<{ Warnings: string[] | null }> {
  const warnings: string[] = []
  const { RestartPolicy: policy, ...limits } = change
  const before = container.record.hostConfig
  // Only of processes a zero says something: as many as they like.
  const says = ([name, value]: [string, unknown]) => (value !== 0 && value !== '') || name === 'PidsLimit'
  const given = Object.fromEntries(Object.entries(limits).filter(says))
  const next = { ...before, ...given }
  if (given['Memory'] !== undefined && given['MemorySwap'] === undefined && (before.MemorySwap ?? 0) > 0) {
    if ((before.MemorySwap ?? 0) < Number(given['Memory'])) {
      throw new EngineError(
        'invalid_argument',
        'Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time',
      )
    }
  }
  checkResources(next, warnings)
  if (policy?.Name) {
    checkRestartPolicy(policy, before.AutoRemove ?? false)
    next.RestartPolicy = { Name: policy.Name, MaximumRetryCount: policy.MaximumRetryCount ?? 0 }
  }
  if (container.running && container.task && Object.keys(given).length > 0) {
    await new Cgroup(container.task.cgroup).update(limits)
  }
  container.change({ hostConfig: next })
  await parts.store.save(container.record)
  emit(parts, container, 'update')
  return { Warnings: warnings.length > 0 ? warnings : null }
}

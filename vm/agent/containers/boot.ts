/** Bringing what is on disk and what runs together when the agent starts. */
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '../../api/errors.ts'
import type { Task } from '../runtime/runtime.ts'
import { isBind } from '../volumes/local-options.ts'
import { Container } from './container.ts'
import type { Parts } from './parts.ts'
import type { ContainerRecord } from './record.ts'
import { removeContainer } from './remove.ts'
import { startsAtBoot } from './restart-policy.ts'
import { ZERO_TIME } from './state.ts'
import { release, type Supervisor } from './supervisor.ts'
import { nowRfc3339 } from './timestamps.ts'

/** Exit code of containers that a crash of the machine ended, as in dockerd. */
const LOST = 255

/** What the app may take to connect after a boot, before the containers that need its folders are told that it did not. */
const FOLDERS_WAIT_MS = 60_000

const ID = /^[0-9a-f]{64}$/

/**
 * Reads all containers and makes memory, disk and kernel agree: running ones are found again with their log and later
 * their exit code, those of a former boot are exited, what has no record is swept. Restart policies act afterwards
 * (`startAll`), so that the engine answers first.
 */
export async function loadContainers(parts: Parts, supervisor: Supervisor): Promise<() => Promise<void>> {
  const { records, swept, damaged } = await parts.store.load()
  for (const name of swept) parts.log(`container ${name}: removed what a crash left of it`)
  for (const text of damaged) parts.log(`damaged container record, left alone: ${text}`)
  const toStart: Container[] = []
  for (const record of records) parts.table.add(new Container(record))
  await Promise.all(
    parts.table.all().map(async (container) => {
      try {
        if (await reconcile(parts, supervisor, container)) toStart.push(container)
      } catch (error) {
        parts.log(`container ${container.shortId}: ${messageOf(error)}`)
      }
    }),
  )
  // Before the first request: what it creates is in nobody's list yet.
  await sweepRunState(parts)
  return async () => {
    await sweep(parts)
    const start = (container: Container) =>
      supervisor.start(container).catch((error) => {
        parts.log(`container ${container.shortId}: start by its restart policy failed: ${messageOf(error)}`)
      })
    let reachable: Promise<void> | undefined
    for (const container of toStart.sort((a, b) => (a.record.created < b.record.created ? -1 : 1))) {
      if (await needsHost(parts, container)) {
        reachable ??= parts.folders.settle(FOLDERS_WAIT_MS)
        const { startedAt } = container.record.state.last
        void reachable.then(async () => {
          // Somebody may have started or removed it meanwhile.
          const same = container.record.state.last.startedAt === startedAt && !container.running
          if (same && parts.table.find(container.id) === container) await start(container)
        })
      } else await start(container)
    }
  }
}

/** Whether it is given what the user's computer may have, which can be asked when the app has connected. */
async function needsHost({ folders, volumes }: Parts, { record }: Container): Promise<boolean> {
  for (const { Type, Source, Name } of record.mounts) {
    if (Type === 'bind' && (await folders.needsHost(Source))) return true
    if (Type !== 'volume' || !Name) continue
    const volume = await volumes.inspect(Name).catch(() => undefined)
    const options = volume?.Options ?? null
    if (isBind(options) && (await folders.needsHost(options?.['device'] ?? ''))) return true
  }
  return false
}

/** True when the restart policy wants it started. */
async function reconcile(parts: Parts, supervisor: Supervisor, container: Container): Promise<boolean> {
  const { record } = container
  const { status } = record.state.life
  if (status === 'removing' || status === 'dead') {
    container.change({ state: { ...record.state, life: { status: 'dead' } } })
    await removeContainer(parts, container, { volumes: false })
    return false
  }
  if (status === 'exited' && record.hostConfig.AutoRemove) {
    await removeContainer(parts, container, { volumes: true })
    return false
  }
  const sameBoot = record.bootId === parts.facts.bootId
  const wasRunning = status === 'running' || status === 'paused'
  if (sameBoot && wasRunning) {
    const task = await find(parts, record)
    if (task) {
      await adopt(parts, supervisor, container, task)
      return false
    }
  }
  if (sameBoot && status === 'restarting') return true
  if (!wasRunning && status !== 'restarting') return !sameBoot && policyStarts(record)
  return endLost(parts, container, sameBoot)
}

function find(parts: Parts, record: ContainerRecord): Promise<Task | undefined> {
  return parts.runtime.load({
    id: record.id,
    bundle: join(parts.runDir, record.id),
    tty: record.config.Tty ?? false,
    logPath: join(parts.store.directory(record.id), 'log'),
  })
}

/** Still there, or ended while no agent was: its exit comes through the same door. */
async function adopt(parts: Parts, supervisor: Supervisor, container: Container, task: Task): Promise<void> {
  container.task = task
  await parts.roots.adopt(container.id)
  for (const mount of container.record.mounts) {
    if (mount.Type === 'volume' && mount.Name) parts.volumes.adopt(mount.Name, container.id)
  }
  supervisor.watch(container, task)
}

/** It ran and is gone: with the machine, or without a trace. */
async function endLost(parts: Parts, container: Container, sameBoot: boolean): Promise<boolean> {
  const { record } = container
  const wasRunning = record.state.life.status !== 'restarting'
  if (sameBoot) await release(parts, container)
  if (wasRunning) {
    container.move({ type: 'exited', exitCode: LOST, oomKilled: false, at: nowRfc3339(), restarting: false })
  } else container.move({ type: 'settled' })
  container.change({ endpoints: {}, ports: [] })
  if (record.hostConfig.AutoRemove) {
    await removeContainer(parts, container, { volumes: true })
    return false
  }
  await parts.store.save(container.record)
  return policyStarts(container.record)
}

function policyStarts(record: ContainerRecord): boolean {
  return startsAtBoot(record.hostConfig.RestartPolicy, {
    startedBefore: record.state.last.startedAt !== ZERO_TIME,
    stoppedByHand: record.stoppedByHand,
    exitCode: record.state.last.exitCode,
    restarts: record.restartCount,
  })
}

async function sweepRunState(parts: Parts): Promise<void> {
  const running = new Set(parts.table.all().flatMap((container) => (container.task ? container.id : [])))
  try {
    parts.namespaces.sweep(running)
    await parts.runtime.sweep(running)
  } catch (error) {
    parts.log(`sweeping run state: ${messageOf(error)}`)
  }
  try {
    await parts.networks.keepOnly(running)
  } catch (error) {
    parts.log(`sweeping networks: ${messageOf(error)}`)
  }
}

/** Run state and snapshots of containers that no longer exist. */
async function sweep(parts: Parts): Promise<void> {
  try {
    for (const name of await readdir(parts.runDir)) {
      if (!ID.test(name) || parts.table.knows(name)) continue
      await parts.roots.clear(name)
      await rm(join(parts.runDir, name), { recursive: true, force: true })
    }
    const orphans: string[] = []
    for await (const info of parts.snapshots.walk()) {
      if (info.kind === 'active' && ID.test(info.name) && !parts.table.knows(info.name))
        orphans.push(info.name)
    }
    for (const name of orphans) await parts.snapshots.remove(name)
  } catch (error) {
    parts.log(`sweeping: ${messageOf(error)}`)
  }
}

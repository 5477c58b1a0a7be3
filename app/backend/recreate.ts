import { randomBytes } from 'node:crypto'
import type { ContainerCreateRequest, ContainerInspect, HostConfig } from '../../vm/api/containers.ts'
import { Disposal } from '../../vm/api/disposal.ts'
import type { EndpointSettings } from '../../vm/api/networks.ts'
import type { MethodHandlers } from '../dispatch.ts'
import type { EngineClient } from '../engine/client.ts'
import type { Parts } from './parts.ts'

export function recreateMethods({ engine }: Parts): Pick<MethodHandlers, 'containers.recreate'> {
  return {
    // Past its first step it must end one way or the other: the caller's signal is not passed on.
    'containers.recreate': ([id, changes]) => recreate(engine, id, changes),
  }
}

/**
 * Replaces a container by one with changes to its configuration: same name, same volumes (anonymous ones too), same
 * networks, running when the old one ran. Nothing of the old one is removed before the new one stands; when it cannot
 * be created or started, the old one is back as it was and the failure is thrown.
 */
export async function recreate(
  engine: EngineClient,
  id: string,
  changes: Record<string, unknown>,
): Promise<{ Id: string }> {
  const old = await engine.containers.inspect(id)
  const name = old.Name.replace(/^\//, '')
  const undo = new Disposal()
  try {
    if (old.State.Running) {
      await engine.lifecycle.stop(old.Id)
      undo.push(() => engine.lifecycle.start(old.Id))
    }
    await engine.lifecycle.rename(old.Id, `${name}-${randomBytes(4).toString('hex')}`)
    undo.push(() => engine.lifecycle.rename(old.Id, name))
    const { Id } = await engine.containers.create(name, mergeConfiguration(old, changes))
    undo.push(() => engine.containers.remove(Id, { force: true }))
    if (old.State.Running) await engine.lifecycle.start(Id)
    undo.release()
    await engine.containers.remove(old.Id, { force: true })
    return { Id }
  } catch (error) {
    await undo[Symbol.asyncDispose]()
    throw error
  }
}

/** The create request that makes the old container again, with the changes (a partial create request) laid over it. */
export function mergeConfiguration(
  old: ContainerInspect,
  changes: Partial<ContainerCreateRequest>,
): ContainerCreateRequest {
  const { HostConfig: hostChanges, NetworkingConfig, ...config } = changes
  const hostConfig: HostConfig = { ...old.HostConfig, ...hostChanges }
  if (hostChanges?.Mounts === undefined && hostChanges?.Binds === undefined) {
    hostConfig.Binds = [...(old.HostConfig.Binds ?? []), ...anonymousVolumes(old)]
  }
  const { Hostname, ...kept } = old.Config
  return {
    ...kept,
    // Docker's default is the id, which will be another one.
    ...(Hostname && !old.Id.startsWith(Hostname) ? { Hostname } : {}),
    ...config,
    HostConfig: hostConfig,
    NetworkingConfig: NetworkingConfig ?? { EndpointsConfig: endpoints(old) },
  }
}

/** Volumes that neither Binds nor Mounts name: the image asked for them, or `-v /path`. */
function anonymousVolumes(old: ContainerInspect): string[] {
  const named = new Set([
    ...(old.HostConfig.Binds ?? []).map((bind) => bind.split(':')[1]),
    ...(old.HostConfig.Mounts ?? []).map((mount) => mount.Target),
  ])
  return old.Mounts.filter(
    (mount) => mount.Type === 'volume' && mount.Name && !named.has(mount.Destination),
  ).map((mount) => `${mount.Name}:${mount.Destination}${mount.RW ? '' : ':ro'}`)
}

/** What was asked of each network, without what the engine gave. */
function endpoints(old: ContainerInspect): Record<string, EndpointSettings> {
  const shortId = old.Id.slice(0, 12)
  return Object.fromEntries(
    Object.entries(old.NetworkSettings.Networks).map(([network, endpoint]) => [
      network,
      {
        IPAMConfig: endpoint.IPAMConfig ?? null,
        Links: endpoint.Links ?? null,
        Aliases: endpoint.Aliases?.filter((alias) => alias !== shortId) ?? null,
        DriverOpts: endpoint.DriverOpts ?? null,
      },
    ]),
  )
}

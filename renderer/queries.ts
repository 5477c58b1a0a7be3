import type { ContainerInspect, ContainerSummary } from '../vm/api/containers.ts'
import type { ImageSummary } from '../vm/api/images.ts'
import type { NetworkInspect } from '../vm/api/networks.ts'
import type { Volume } from '../vm/api/volumes.ts'
import { call } from './api.ts'
import { type Resource, useResource } from './resources.ts'

/** What pages read of the engine; each follows events by its tags. */

export const useContainers = (): Resource<ContainerSummary[]> =>
  useResource('containers', ['containers'], (signal) => call('containers.list', [{ all: true }], { signal }))

export const useContainer = (id: string): Resource<ContainerInspect> =>
  useResource(`container:${id}`, ['containers', `container:${id}`], (signal) =>
    call('containers.inspect', [id], { signal }),
  )

export const useImages = (): Resource<ImageSummary[]> =>
  useResource('images', ['images'], (signal) => call('images.list', [], { signal }))

export const useVolumes = (): Resource<Volume[]> =>
  useResource('volumes', ['volumes'], (signal) => call('volumes.list', [], { signal }))

export const useNetworks = (): Resource<NetworkInspect[]> =>
  useResource('networks', ['networks'], async (signal) => {
    const [networks, running] = await Promise.all([
      call('networks.list', [], { signal }),
      call('containers.list', [{ all: false }], { signal }),
    ])
    return withMembers(networks, running)
  })

/** Docker's list of networks leaves out who is in them; the containers know. Pure. */
export function withMembers(
  networks: readonly NetworkInspect[],
  running: readonly ContainerSummary[],
): NetworkInspect[] {
  return networks.map((network) => ({
    ...network,
    Containers: Object.fromEntries(
      running.flatMap(({ Id, Names, NetworkSettings }) => {
        const endpoint = NetworkSettings.Networks[network.Name]
        if (!endpoint) return []
        const { EndpointID = '', MacAddress = '', IPAddress = '', IPPrefixLen = 0 } = endpoint
        const member = {
          Name: Names[0]?.slice(1) ?? '',
          EndpointID,
          MacAddress,
          IPv4Address: IPAddress && `${IPAddress}/${IPPrefixLen}`,
          IPv6Address: '',
        }
        return [[Id, member]]
      }),
    ),
  }))
}

/** What the API said in former versions and clients of those days still read (Docker's API version history). Pure. */
import type { ContainerInspect } from '../../api/containers.ts'
import type { ImageInspect } from '../../api/images.ts'
import { BLANK_CONFIG } from '../containers/blank-config.ts'
import { compareVersions } from './version-prefix.ts'

/** Until 1.43 images had their size twice: `docker system df` of Docker 24 and before reckons with the other one. */
export function sizedFor<T extends { Size: number }>(
  version: string,
  image: T,
): T & { VirtualSize?: number } {
  return compareVersions(version, '1.44') < 0 ? { ...image, VirtualSize: image.Size } : image
}

/** Until 1.44 an image told of the container that it was made from, which had long been empty. */
export function imageFor(version: string, image: ImageInspect): object {
  if (compareVersions(version, '1.45') >= 0) return image
  return { ...sizedFor(version, image), Container: '', ContainerConfig: NO_CONTAINER }
}

const NO_CONTAINER = {
  ...BLANK_CONFIG,
  Env: null,
  Cmd: null,
  Image: '',
  Volumes: null,
  WorkingDir: '',
  Entrypoint: null,
  OnBuild: null,
  Labels: null,
}

const PREDEFINED = ['default', 'bridge', 'host', 'none']

/** Until 1.44 the short id stood among the aliases on networks of the user's own; DNSNames have it since. */
export function containerFor(version: string, container: ContainerInspect): ContainerInspect {
  if (compareVersions(version, '1.45') >= 0) return container
  const networks = Object.entries(container.NetworkSettings.Networks ?? {}).map(([name, endpoint]) => {
    if (PREDEFINED.includes(name)) return [name, endpoint]
    const names = [...(endpoint.Aliases ?? []), container.Id.slice(0, 12), container.Config.Hostname ?? '']
    return [name, { ...endpoint, Aliases: [...new Set(names.filter((text) => text !== ''))] }]
  })
  return {
    ...container,
    NetworkSettings: { ...container.NetworkSettings, Networks: Object.fromEntries(networks) },
  }
}

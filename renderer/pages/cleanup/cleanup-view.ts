import type { DiskUsage } from '../../../vm/api/system.ts'

export const KINDS = ['containers', 'images', 'allImages', 'networks', 'builds', 'volumes'] as const
export type Kind = (typeof KINDS)[number]

export interface Reclaimable {
  kind: Kind
  count: number
  /** Bytes that go at most; shared layers make it less. */
  size: number
  names: readonly string[]
}

/** What each kind of clean-up would take, from the engine's own accounting. Pure. */
export function reclaimable(usage: DiskUsage, unusedNetworks: readonly string[]): Reclaimable[] {
  const stopped = usage.Containers.filter(
    ({ State }) => State === 'exited' || State === 'created' || State === 'dead',
  )
  const untagged = (tags: readonly string[] | null): boolean =>
    (tags ?? []).filter((tag) => tag !== '<none>:<none>').length === 0
  const unused = usage.Images.filter((image) => !usage.Containers.some((one) => one.ImageID === image.Id))
  const dangling = unused.filter((image) => untagged(image.RepoTags))
  const caches = usage.BuildCache.filter((record) => !record.InUse)
  const volumes = usage.Volumes.filter((volume) => (volume.UsageData?.RefCount ?? 0) === 0)
  const sum = (sizes: readonly (number | undefined)[]): number =>
    sizes.reduce<number>((total, size) => total + Math.max(0, size ?? 0), 0)
  const own = (image: { Size: number; SharedSize: number }): number =>
    image.Size - Math.max(0, image.SharedSize)
  return [
    {
      kind: 'containers',
      count: stopped.length,
      size: sum(stopped.map((one) => one.SizeRw)),
      names: stopped.map((one) => one.Names[0]?.slice(1) ?? one.Id.slice(0, 12)),
    },
    {
      kind: 'images',
      count: dangling.length,
      size: sum(dangling.map(own)),
      names: dangling.map((image) => image.Id.slice(7, 19)),
    },
    {
      kind: 'allImages',
      count: unused.length,
      size: sum(unused.map(own)),
      names: unused.map((image) => image.RepoTags?.[0] ?? image.Id.slice(7, 19)),
    },
    { kind: 'networks', count: unusedNetworks.length, size: 0, names: unusedNetworks },
    {
      kind: 'builds',
      count: caches.length,
      size: sum(caches.map((record) => record.Size)),
      names: caches.map((record) => record.Description),
    },
    {
      kind: 'volumes',
      count: volumes.length,
      size: sum(volumes.map((volume) => volume.UsageData?.Size)),
      names: volumes.map((volume) => volume.Name.replace(/^([0-9a-f]{12})[0-9a-f]{52}$/, '$1')),
    },
  ]
}

import type { ContainerSummary } from '../../../vm/api/containers.ts'
import type { ImageSummary } from '../../../vm/api/images.ts'
import type { SortState } from '../../components/table.tsx'

/** One row per tag, as `docker images` lists them; an image without a tag is one row. Pure. */
export interface ImageRow {
  key: string
  /** `redis:7`, or empty when dangling. */
  tag: string
  repository: string
  version: string
  image: ImageSummary
  usedBy: number
}

export type ImageSort = 'name' | 'size' | 'created'
export type ImageFilter = 'all' | 'used' | 'unused' | 'dangling'

export function imageRows(
  images: readonly ImageSummary[],
  containers: readonly ContainerSummary[],
  { query, filter, sort }: { query: string; filter: ImageFilter; sort: SortState<ImageSort> },
): ImageRow[] {
  const used = new Map<string, number>()
  for (const { ImageID } of containers) used.set(ImageID, (used.get(ImageID) ?? 0) + 1)
  const words = query.toLowerCase().split(/\s+/).filter(Boolean)
  const sign = sort.descending ? -1 : 1
  return images
    .flatMap((image) => toRows(image, used.get(image.Id) ?? 0))
    .filter((row) => keeps(row, filter))
    .filter((row) =>
      words.every((word) => `${row.tag} ${row.image.Id.slice(7)}`.toLowerCase().includes(word)),
    )
    .sort((a, b) => sign * order(a, b, sort.by) || a.tag.localeCompare(b.tag))
}

function toRows(image: ImageSummary, usedBy: number): ImageRow[] {
  const tags = (image.RepoTags ?? []).filter((tag) => tag !== '<none>:<none>')
  if (tags.length === 0) return [{ key: image.Id, tag: '', repository: '', version: '', image, usedBy }]
  return tags.map((tag) => {
    const at = tag.lastIndexOf(':')
    return { key: tag, tag, repository: tag.slice(0, at), version: tag.slice(at + 1), image, usedBy }
  })
}

function keeps(row: ImageRow, filter: ImageFilter): boolean {
  if (filter === 'dangling') return row.tag === ''
  return filter === 'all' || row.usedBy > 0 === (filter === 'used')
}

function order(a: ImageRow, b: ImageRow, by: ImageSort): number {
  if (by === 'size') return b.image.Size - a.image.Size
  if (by === 'created') return b.image.Created - a.image.Created
  if ((a.tag === '') !== (b.tag === '')) return a.tag === '' ? 1 : -1
  return a.tag.localeCompare(b.tag, undefined, { numeric: true })
}

/** Bytes that go with these rows: an image goes with its last name, and layers that others share stay. */
export function freedBy(rows: readonly ImageRow[]): number {
  const images = new Map(rows.map(({ image }) => [image.Id, image]))
  return [...images.values()]
    .filter(({ Id, RepoTags }) => {
      const going = rows.filter((row) => row.image.Id === Id)
      return going.some(({ tag }) => tag === '') || going.length >= (RepoTags ?? []).length
    })
    .reduce((sum, { Size, SharedSize }) => sum + Size - Math.max(0, SharedSize), 0)
}

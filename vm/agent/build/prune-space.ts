/** Which records of the build cache go so that it keeps to a size. Pure. */
import type { BuildCacheRecord } from '../../api/system.ts'

/** Bytes, each 0 where nothing was said. */
export interface SpaceWish {
  /** What may always be kept. */
  reserved: number
  /** What may be kept at most. */
  maxUsed: number
  /** What shall be free on the disk. */
  minFree: number
}

/** What pruning shall take. */
export interface PruneWish {
  /** Also what an image with a name stands on. */
  all: boolean
  /** Only what was last used before (milliseconds since the epoch). */
  until: number
  passes: (record: BuildCacheRecord) => boolean
  space: SpaceWish
  /** Nothing was picked: what no record knows of goes, too. */
  everything: boolean
}

/** How many bytes may stay of `total`, as BuildKit reckons it; undefined: no size was asked for. */
export function bytesToKeep(wish: SpaceWish, total: number, free: number): number | undefined {
  if (wish.reserved === 0 && wish.maxUsed === 0 && wish.minFree === 0) return undefined
  let keep = wish.maxUsed
  const missing = wish.minFree - free
  if (missing > 0) keep = keep === 0 ? total - missing : Math.min(keep, total - missing)
  return Math.max(keep, wish.reserved)
}

/**
 * Those of `candidates` that free at least `excess` bytes, the longest unused first; one that others stand on has been
 * used as lately as they were, and goes after them.
 */
export function leastRecent(candidates: readonly BuildCacheRecord[], excess: number): BuildCacheRecord[] {
  const last = lastUses(candidates)
  const depth = depths(candidates)
  const order = [...candidates].sort(
    (a, b) =>
      (last.get(a.ID) ?? 0) - (last.get(b.ID) ?? 0) || (depth.get(b.ID) ?? 0) - (depth.get(a.ID) ?? 0),
  )
  let left = excess
  return order.filter(({ Size }) => {
    if (left <= 0) return false
    left -= Size
    return true
  })
}

/** When it was last used (milliseconds since the epoch). */
export function lastUseOf(record: BuildCacheRecord): number {
  return Date.parse(record.LastUsedAt ?? record.CreatedAt)
}

function lastUses(records: readonly BuildCacheRecord[]): Map<string, number> {
  const byId = new Map(records.map((record) => [record.ID, record]))
  const last = new Map<string, number>()
  const use = (id: string, at: number) => {
    const record = byId.get(id)
    if (!record || (last.get(id) ?? 0) >= at) return
    last.set(id, at)
    for (const parent of record.Parents ?? []) use(parent, at)
  }
  for (const record of records) use(record.ID, lastUseOf(record))
  return last
}

function depths(records: readonly BuildCacheRecord[]): Map<string, number> {
  const byId = new Map(records.map((record) => [record.ID, record]))
  const known = new Map<string, number>()
  const depth = (record: BuildCacheRecord): number => {
    const found = known.get(record.ID)
    if (found !== undefined) return found
    known.set(record.ID, 0)
    const above = (record.Parents ?? []).map((id) => byId.get(id)).filter((parent) => parent !== undefined)
    const own = Math.max(0, ...above.map((parent) => depth(parent) + 1))
    known.set(record.ID, own)
    return own
  }
  for (const record of records) depth(record)
  return known
}

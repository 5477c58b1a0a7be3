/** Chain IDs: the name of a layer's snapshot together with all layers below (OCI image spec, config.md). Pure. */
import { createHash } from 'node:crypto'
import type { Digest } from '../content/store.ts'

/** Chain ID of each layer, base first. */
export function chainIds(diffIds: readonly Digest[]): Digest[] {
  const chain: Digest[] = []
  for (const diffId of diffIds) {
    const below = chain.at(-1)
    chain.push(below === undefined ? diffId : sha256(`${below} ${diffId}`))
  }
  return chain
}

/** Digest of bytes or text. */
export function sha256(bytes: string | Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

/** The first 12 hex digits, as people see ids. */
export function shortId(digest: string): string {
  return digest.slice(digest.indexOf(':') + 1).slice(0, 12)
}

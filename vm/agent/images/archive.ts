/** Names and shapes inside `docker save` archives: docker's manifest.json and the OCI layout's index.json. */
import * as v from 'valibot'
import type { Digest } from '../content/store.ts'

export const ManifestFile = v.array(
  v.object({
    Config: v.string(),
    RepoTags: v.optional(v.nullable(v.array(v.string()))),
    Layers: v.optional(v.nullable(v.array(v.string()))),
  }),
)
export type ManifestFile = v.InferOutput<typeof ManifestFile>

export const IndexFile = v.object({
  manifests: v.array(
    v.object({
      mediaType: v.optional(v.string(), ''),
      digest: v.custom<Digest>((value) => typeof value === 'string' && /^sha256:[0-9a-f]{64}$/.test(value)),
      size: v.number(),
      platform: v.optional(
        v.object({ architecture: v.string(), os: v.string(), variant: v.optional(v.string()) }),
      ),
      annotations: v.optional(v.nullable(v.record(v.string(), v.string()))),
    }),
  ),
})

/** Path of a blob inside an OCI layout. */
export function blobPath(digest: Digest): string {
  return `blobs/sha256/${digest.slice('sha256:'.length)}`
}

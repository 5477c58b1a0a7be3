/**
 * Content store: blobs by digest (`sha256:<hex>`), as in containerd's core/content. A blob is visible only after its
 * size and digest were verified; writing is ingest → verify → fsync → rename. Blobs are immutable.
 */
export type Digest = `sha256:${string}`

/** OCI descriptor (https://github.com/opencontainers/image-spec/blob/main/descriptor.md). */
export interface Descriptor {
  mediaType: string
  digest: Digest
  size: number
  platform?: { architecture: string; os: string; variant?: string }
  annotations?: Record<string, string>
  urls?: string[]
}

export interface ContentStore {
  /** Size in bytes, or undefined when the blob is not here. */
  info(digest: Digest): Promise<{ size: number } | undefined>
  /** Whole blob from `offset` on; not_found when it is not here. A chunk holds until the next is asked for. */
  open(digest: Digest, offset?: number): AsyncIterable<Uint8Array>
  /** Small blobs (manifests, configs) at once; not_found; refuses more than 8 MiB (invalid_argument). */
  read(digest: Digest): Promise<Uint8Array>
  /**
   * Streams `source` in and makes the blob visible. `expected` is verified: a wrong digest or size is data_loss naming
   * both, and nothing stays. A blob that is already here is not written again. No chunk is kept when the next is asked
   * for. Returns digest and size.
   */
  write(
    source: AsyncIterable<Uint8Array>,
    expected?: Partial<Pick<Descriptor, 'digest' | 'size'>>,
    options?: { signal?: AbortSignal },
  ): Promise<{ digest: Digest; size: number }>
  delete(digest: Digest): Promise<void>
  /** Every visible blob, in no order. */
  walk(): AsyncIterable<{ digest: Digest; size: number }>
}

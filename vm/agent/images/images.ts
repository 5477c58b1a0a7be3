/** Contract of the image service: what containers, build and the HTTP routes need of images. */
import type { ContainerConfig } from '../../api/containers.ts'
import type {
  ImageDeleteItem,
  ImageHistoryItem,
  ImageInspect,
  ImageSummary,
  ImagesPruneResponse,
  ProgressMessage,
  RegistryAuth,
} from '../../api/images.ts'
import type { Digest } from '../content/store.ts'

/** OCI image config (https://github.com/opencontainers/image-spec/blob/main/config.md) as stored. */
export interface ImageConfig {
  created?: string
  author?: string
  architecture: string
  os: string
  variant?: string
  config?: ContainerConfig
  rootfs: { type: 'layers'; diff_ids: Digest[] }
  history?: {
    created?: string
    created_by?: string
    author?: string
    comment?: string
    empty_layer?: boolean
  }[]
  /** Docker's own extras, kept when present. */
  docker_version?: string
  container?: string
  container_config?: ContainerConfig
  parent?: string
}

/** An image as a container uses it. */
export interface ResolvedImage {
  /** Image id: digest of its config. */
  id: Digest
  config: ImageConfig
  /** Name of the committed snapshot of its top layer (chain ID); undefined for an image without layers. */
  snapshot: string | undefined
}

/** Filters of `docker images` and prune, as parsed from the query: key → values. */
export type Filters = Record<string, string[]>

export interface ImageService {
  /** By name, tag, digest, id or unique id prefix. not_found: `No such image: X`. */
  resolve(reference: string): Promise<ResolvedImage>
  /** The image and all that were made here on top of it, directly or not; none where there is no such image. */
  madeFrom(reference: string): Promise<Digest[]>
  list(options: { all?: boolean; filters?: Filters; sharedSize?: boolean }): Promise<ImageSummary[]>
  inspect(reference: string): Promise<ImageInspect>
  history(reference: string): Promise<ImageHistoryItem[]>
  tag(reference: string, target: string): Promise<void>
  /** Docker's untag/delete rules; conflict while a container uses it. */
  remove(reference: string, options: { force?: boolean; noPrune?: boolean }): Promise<ImageDeleteItem[]>
  prune(filters: Filters): Promise<ImagesPruneResponse>
  pull(
    reference: string,
    options: { auth?: RegistryAuth; platform?: string; all?: boolean; signal?: AbortSignal },
  ): AsyncIterable<ProgressMessage>
  push(
    reference: string,
    options: { auth?: RegistryAuth; signal?: AbortSignal },
  ): AsyncIterable<ProgressMessage>
  load(tar: AsyncIterable<Uint8Array>, options: { signal?: AbortSignal }): AsyncIterable<ProgressMessage>
  save(references: string[], options: { signal?: AbortSignal }): AsyncIterable<Uint8Array>
  import(
    tar: AsyncIterable<Uint8Array>,
    options: {
      reference?: string
      message?: string
      changes?: string[]
      platform?: string
      signal?: AbortSignal
    },
  ): Promise<Digest>
  /**
   * Makes an image of an active snapshot on top of `parent`: diff → layer blob → config → committed snapshot.
   * Used by commit and by build. `config` is complete; history gets one entry.
   */
  commit(options: {
    snapshot: string | undefined
    parent: ResolvedImage | undefined
    config: ContainerConfig
    author?: string
    comment?: string
    createdBy?: string
    reference?: string
    /** The snapshot itself becomes the layer and is gone as an active one (build). Default: it is left alone. */
    adopt?: boolean
    /** It belongs to the build cache and is not listed until it is tagged or `reveal`ed. */
    buildCache?: boolean
    signal?: AbortSignal
  }): Promise<Digest>
}

/** Told by the container service so that images in use are protected: image id → names of containers that use it. */
export type ImageUsers = (id: Digest) => { name: string; id: string; running: boolean }[]

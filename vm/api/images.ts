/** Docker Engine wire types of images, and the JSON stream of pull, push, load and build. */
import type { ContainerConfig } from './containers.ts'

export interface ImageSummary {
  Id: string
  ParentId: string
  RepoTags: string[]
  RepoDigests: string[]
  /** Unix seconds. */
  Created: number
  Size: number
  SharedSize: number
  Labels: Record<string, string> | null
  /** Containers that use it; -1 when not computed. */
  Containers: number
}

export interface ImageInspect {
  Id: string
  RepoTags: string[]
  RepoDigests: string[]
  Parent: string
  Comment: string
  Created: string
  DockerVersion: string
  Author: string
  Config: ContainerConfig
  Architecture: string
  Variant?: string
  Os: string
  Size: number
  GraphDriver: { Name: string; Data: Record<string, string> }
  RootFS: { Type: 'layers'; Layers: string[] }
  Metadata: { LastTagTime: string }
}

export interface ImageHistoryItem {
  Id: string
  Created: number
  CreatedBy: string
  Tags: string[] | null
  Size: number
  Comment: string
}

export type ImageDeleteItem = { Untagged: string } | { Deleted: string }

export interface ImagesPruneResponse {
  ImagesDeleted: ImageDeleteItem[] | null
  SpaceReclaimed: number
}

/** One line of the JSON stream that pull, push, load, import and build answer with. */
export interface ProgressMessage {
  status?: string
  /** Short layer id, or the tag for the first line of a pull. */
  id?: string
  progress?: string
  progressDetail?: { current?: number; total?: number; hidecounts?: boolean; units?: string }
  stream?: string
  aux?: unknown
  error?: string
  errorDetail?: { code?: number; message: string }
}

/** The decoded X-Registry-Auth header. */
export interface RegistryAuth {
  username?: string
  password?: string
  auth?: string
  email?: string
  serveraddress?: string
  identitytoken?: string
  registrytoken?: string
}

export interface ImageSearchResult {
  name: string
  description: string
  star_count: number
  is_official: boolean
  is_automated: boolean
}

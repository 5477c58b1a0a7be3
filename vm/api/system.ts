/** Docker Engine wire types of the daemon itself: version, info, events, disk usage. */
import type { ContainerSummary } from './containers.ts'
import type { ImageSummary } from './images.ts'
import type { Volume } from './volumes.ts'

export interface VersionResponse {
  Platform: { Name: string }
  Version: string
  ApiVersion: string
  MinAPIVersion: string
  Os: string
  Arch: string
  KernelVersion: string
  GitCommit: string
  GoVersion: string
  BuildTime: string
  Experimental?: boolean
  Components: { Name: string; Version: string; Details?: Record<string, string> }[]
}

export type EventType = 'container' | 'image' | 'volume' | 'network' | 'daemon' | 'builder'

/** One line of `GET /events`. */
export interface EventMessage {
  Type: EventType
  Action: string
  Actor: { ID: string; Attributes: Record<string, string> }
  scope: 'local'
  /** Unix seconds. */
  time: number
  /** Unix nanoseconds; may exceed 2^53, so it is written as a JSON number but never computed with. */
  timeNano: number
  /** Legacy mirrors of the fields above, set for container and image events. */
  status?: string
  id?: string
  from?: string
}

export interface SystemInfo {
  ID: string
  Name: string
  Containers: number
  ContainersRunning: number
  ContainersPaused: number
  ContainersStopped: number
  Images: number
  Driver: string
  DriverStatus: [string, string][]
  DockerRootDir: string
  MemTotal: number
  NCPU: number
  KernelVersion: string
  OperatingSystem: string
  OSVersion: string
  OSType: string
  Architecture: string
  ServerVersion: string
  CgroupDriver: string
  CgroupVersion: string
  SecurityOptions: string[]
  RegistryConfig: unknown
  Warnings: string[] | null
  [key: string]: unknown
}

export interface DiskUsage {
  LayersSize: number
  Images: ImageSummary[]
  Containers: ContainerSummary[]
  Volumes: Volume[]
  BuildCache: BuildCacheRecord[]
}
/** The same where only some types were asked for: the others are null. */
export type SomeDiskUsage = {
  [Key in keyof DiskUsage]: DiskUsage[Key] | (Key extends 'LayersSize' ? never : null)
}

export interface BuildCacheRecord {
  ID: string
  Parents?: string[]
  Type: string
  Description: string
  InUse: boolean
  Shared: boolean
  Size: number
  CreatedAt: string
  LastUsedAt: string | null
  UsageCount: number
}

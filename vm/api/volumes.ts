/** Docker Engine wire types of volumes. */

export interface Volume {
  CreatedAt: string
  Driver: string
  Labels: Record<string, string> | null
  Mountpoint: string
  Name: string
  Options: Record<string, string> | null
  Scope: 'local' | 'global'
  UsageData?: { Size: number; RefCount: number }
}
export interface VolumeCreateRequest {
  Name?: string
  Driver?: string
  DriverOpts?: Record<string, string> | null
  Labels?: Record<string, string> | null
}
export interface VolumesListResponse {
  Volumes: Volume[]
  Warnings: string[] | null
}

/** What `POST /build` asks for, parsed. */
import type { RegistryAuth } from '../../api/images.ts'

export interface BuildOptions {
  /** Path of the Dockerfile in the context; empty: `Dockerfile`. */
  dockerfile: string
  tags: string[]
  buildArgs: Record<string, string | null>
  labels: Record<string, string>
  target: string
  noCache: boolean
  pull: boolean
  platform: string | undefined
  /** Remove the containers of RUN steps: after success (`rm`), always (`forceRemove`). */
  remove: boolean
  forceRemove: boolean
  quiet: boolean
  networkMode: string | undefined
  memory: number
  memorySwap: number
  cpuShares: number
  cpuPeriod: number
  cpuQuota: number
  cpusetCpus: string
  shmSize: number
  extraHosts: string[]
  /** Credentials by registry (X-Registry-Config). */
  auths: Record<string, RegistryAuth>
}

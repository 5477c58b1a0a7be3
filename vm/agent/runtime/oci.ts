/** The part of the OCI runtime spec 1.2 that the engine writes (https://github.com/opencontainers/runtime-spec). */

export interface OciProcess {
  terminal?: boolean
  consoleSize?: { height: number; width: number }
  cwd: string
  env: string[]
  args: string[]
  user: { uid: number; gid: number; umask?: number; additionalGids?: number[] }
  capabilities?: Partial<Record<'bounding' | 'effective' | 'inheritable' | 'permitted' | 'ambient', string[]>>
  rlimits?: { type: string; soft: number; hard: number }[]
  noNewPrivileges?: boolean
  oomScoreAdj?: number
  apparmorProfile?: string
  selinuxLabel?: string
}

export interface OciMount {
  destination: string
  type?: string
  source?: string
  options?: string[]
}

export interface OciNamespace {
  type: 'pid' | 'network' | 'mount' | 'ipc' | 'uts' | 'user' | 'cgroup' | 'time'
  path?: string
}

export interface OciLinux {
  namespaces: OciNamespace[]
  devices?: {
    path: string
    type: string
    major: number
    minor: number
    fileMode?: number
    uid?: number
    gid?: number
  }[]
  cgroupsPath?: string
  resources?: Record<string, unknown>
  seccomp?: unknown
  sysctl?: Record<string, string>
  maskedPaths?: string[]
  readonlyPaths?: string[]
  rootfsPropagation?: string
}

export interface OciSpec {
  ociVersion: string
  process: OciProcess
  root: { path: string; readonly?: boolean }
  hostname?: string
  domainname?: string
  mounts: OciMount[]
  linux: OciLinux
  annotations?: Record<string, string>
}

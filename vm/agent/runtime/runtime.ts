/**
 * Runtime: OCI bundle → running task, through conmon + crun. conmon holds the container's stdio, log and exit status,
 * so tasks outlive the agent; `load` finds them again.
 */
import type { Readable, Writable } from 'node:stream'

/** OCI runtime config.json (https://github.com/opencontainers/runtime-spec/blob/main/config.md). */
export type OciSpec = import('./oci.ts').OciSpec
export type OciProcess = import('./oci.ts').OciProcess

export interface Exit {
  /** 0–255; 128 + n when killed by signal n. */
  exitCode: number
  oomKilled: boolean
  /** Milliseconds since the epoch. */
  exitedAt: number
}

/** What a task's monitor is told when it starts. */
export interface MonitorOptions {
  id: string
  bundle: string
  /** Log file in k8s-file (CRI) format: conmon writes, the logs reader parses. Attach reads from it too. */
  logPath: string
  tty: boolean
  openStdin: boolean
  /** The first client that ends its stdin ends the container's (not with a TTY). Default true. */
  stdinOnce?: boolean
}

export interface Runtime {
  /**
   * Starts a monitor in advance for a task that will most likely be created within seconds: its start is a third of
   * `create`. Only one waits at a time, and not for long; a `create` with other options goes without. Never throws:
   * when none can be started, `create` says so.
   */
  prepare(options: MonitorOptions): void
  /** Ends the monitor that waits for `id`, if one does, and waits for its end. */
  discard(id: string): Promise<void>
  /**
   * Starts the task up to the point where its namespaces exist and the user's program waits to be let go
   * (`task.start()`), so that the network can be attached in between. Failures carry the runtime's own message
   * (invalid_argument/127 for a program that does not exist: `details.exitCode`).
   */
  create(options: MonitorOptions & { spec: OciSpec; signal?: AbortSignal }): Promise<Task>
  /** Finds a task that a former agent made; undefined when it is gone without a trace. */
  load(options: { id: string; bundle: string; tty: boolean; logPath: string }): Promise<Task | undefined>
  /** Kills and clears everything that is not in `keep`: leftovers of an agent that died while creating. */
  sweep(keep: ReadonlySet<string>): Promise<void>
}

export interface Task {
  readonly id: string
  /** Pid of the container's init in the VM. */
  readonly pid: number
  start(): Promise<void>
  /** Resolves exactly once, also when it ended while no agent was running. */
  wait(): Promise<Exit>
  /** Signal to the init only, or to every process in the cgroup. Gone already: not_found. */
  kill(signal: number, options?: { all?: boolean }): Promise<void>
  pause(): Promise<void>
  resume(): Promise<void>
  /** Writes to the container's stdin through the monitor; ends it (EOF) when `end` is called and StdinOnce asks so. */
  openStdin(): Writable
  resize(size: { rows: number; columns: number }): Promise<void>
  /** Makes the monitor open `logPath` anew, after the log was renamed away by rotation. */
  reopenLog(): Promise<void>
  exec(options: {
    process: OciProcess
    tty: boolean
    stdin: boolean
    signal?: AbortSignal
  }): Promise<ExecTask>
  /** Path of its cgroup v2 directory. */
  readonly cgroup: string
  /** Path of its network namespace (`/proc/<pid>/ns/net` or a bound one). */
  readonly netns: string
  /** Frees everything of the stopped task: runtime state, cgroup, monitor files. Idempotent. */
  delete(): Promise<void>
}

/** A further process in a container. */
export interface ExecTask {
  readonly pid: number
  readonly stdin: Writable | undefined
  /** With a TTY everything comes on stdout and stderr is undefined. */
  readonly stdout: Readable
  readonly stderr: Readable | undefined
  wait(): Promise<{ exitCode: number }>
  resize(size: { rows: number; columns: number }): void
  kill(signal: number): void
}

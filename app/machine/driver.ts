import type { Qmp } from './qmp.ts'
import type { Accelerator } from './state.ts'

export type Arch = 'x64' | 'arm64'

/** How a VM's process ended. An adopted VM is not our child, so neither code nor signal is known of it. */
export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** Last lines that the hypervisor wrote about itself. */
  readonly stderr: string
  /** What the hypervisor said why it stops: `guest-shutdown`, `guest-panic`, `host-qmp-quit`, … */
  readonly reason?: string
}

/** One start of the machine, fully decided. Paths are absolute. */
export interface VmSpec {
  /** RFC 4122; a running VM is recognised by it. */
  readonly id: string
  readonly arch: Arch
  readonly accelerator: Accelerator
  readonly cpus: number
  readonly memoryMiB: number
  readonly kernel: string
  readonly initrd: string
  readonly systemDisk: string
  readonly dataDisk: string
  /** Port on the host's 127.0.0.1 that leads to the guest's sshd. */
  readonly sshPort: number
  /** The guest's serial console, as the kernel names it. */
  readonly console: string
  /** What the image wants its kernel told, beside what follows from the hypervisor. */
  readonly kernelArguments: readonly string[]
  readonly serialLog: string
  readonly stderrLog: string
  readonly pidFile: string
  readonly monitor: string
  /** How its memory on disk is used; undefined starts it as ever. */
  readonly memory?: MemoryUse | undefined
}

/** `hold`: the guest waits, once everything is loaded, to be let go. `restore`: it begins where another one was held. */
export type MemoryUse = { readonly use: 'hold' } | { readonly use: 'restore'; readonly path: string }

/** A running VM. Letting go of it (`detach`) leaves it running. */
export interface VmHandle {
  readonly pid: number
  /** Resolves exactly once, however the VM ends; never rejects. */
  readonly exited: Promise<Exit>
  readonly qmp: Qmp
  /**
   * Ends the hypervisor without asking the guest: quit, then SIGTERM, then SIGKILL, each after half of `graceMs` (default
   * 4000). What the guest wrote to its disks is kept. Resolves when the process is gone.
   */
  stop(options?: { graceMs?: number }): Promise<Exit>
  /** SIGKILL at once. */
  kill(): Promise<Exit>
  /** Closes this process's ends (monitor); the VM lives on. */
  detach(): Promise<void>
}

/** What a VM was started with: enough to find it again. */
export type VmRecord = Pick<VmSpec, 'id' | 'pidFile' | 'monitor' | 'stderrLog'>

export interface DriverInfo {
  readonly name: string
  readonly version: string
  /** Tells this very program from another one of the same version. */
  readonly build: string
  /** In the order in which they are worth trying on this host; ends with tcg. */
  readonly accelerators: readonly Accelerator[]
}

/** Makes, starts and finds one kind of virtual machine. Knows nothing of SSH, engine or UI. */
export interface MachineDriver {
  /** What is installed. Fails with `vm_failed` and a hint that says what to install when nothing is. */
  info(options?: { signal?: AbortSignal }): Promise<DriverInfo>
  /** Brings the VM's disk into being, or grows it. Idempotent; never shrinks or recreates what is there. */
  create(disk: { path: string; bytes: number }): Promise<void>
  /**
   * Starts the VM and resolves once its monitor answers. The process outlives this one. Fails with `vm_failed` when it
   * ends before that, with its own words; then nothing is left running.
   */
  start(spec: VmSpec, options?: { signal?: AbortSignal }): Promise<VmHandle>
  /**
   * The VM of the record when it still runs: its process is there and its monitor answers with the same id. One that is
   * there but hangs is killed; answers undefined once nothing of it runs.
   */
  adopt(record: VmRecord, options?: { signal?: AbortSignal }): Promise<VmHandle | undefined>
  /** Removes the disk. Idempotent. The VM must not be running. */
  remove(disk: { path: string }): Promise<void>
}

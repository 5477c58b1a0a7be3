import type { ClockResponse, EngineConfig } from '../../vm/api/slipway.ts'
import { PROOF_MS } from './accelerator.ts'
import type { Dial } from './dial.ts'
import type { MachineDriver } from './driver.ts'
import type { MachineImage } from './image.ts'
import type { Problem } from './state.ts'

/** What the user decides about the machine; read anew at every start. */
export interface MachineConfig {
  readonly hostname: string
  readonly cpus: number
  readonly memoryMiB: number
  readonly diskGiB: number
  /** Seeded into the guest; the engine reads it when it starts. */
  readonly engine: EngineConfig
}

export interface HookOptions {
  readonly signal: AbortSignal
}

/**
 * What the machine needs of others. Hooks reach the guest through the `dial` they are given. They are bounded by their
 * signal: one that goes on after its abort is not waited for.
 */
export interface MachineOptions {
  /** Absolute path of SLIPWAY_HOME; made with mode 0700 when it is not there. */
  readonly home: string
  readonly driver: MachineDriver
  /** Finds the image to boot (`locateImage`); called at every start, may take long only when it reports progress itself. */
  readonly image: (options: HookOptions) => Promise<MachineImage>
  readonly config: () => MachineConfig | Promise<MachineConfig>
  /** `GET /_ping` over `dial`: resolves when the engine answered. Called again, with pauses, until it does. */
  readonly ping: (dial: Dial, options: HookOptions) => Promise<void>
  /**
   * The `ports` step: host link, docker socket, published ports. Runs after the engine answered and before `running` is
   * announced, also after the engine or the connection came back. Answers (or throws) what is wrong; never stops a start.
   */
  readonly onReady?: (dial: Dial, options: HookOptions) => Promise<readonly Problem[]>
  /**
   * Asks the guest to power itself off; the VM's own end is waited for. Default: `poweroff` over SSH, which stops the
   * containers in order and unmounts the data disk.
   */
  readonly shutdown?: (dial: Dial, options: HookOptions) => Promise<void>
  /** `PUT /slipway/clock`. Called every minute and after the host slept. */
  readonly clock?: (dial: Dial, now: number, options: HookOptions) => Promise<ClockResponse>
  /**
   * Whether an emulated machine's memory is kept on disk, so that later starts begin there. The engine must know how to be
   * held (`slipway.hold`). Default: no.
   */
  readonly keepMemory?: boolean
  readonly log: (message: string, details?: Readonly<Record<string, unknown>>) => void
  /** Milliseconds; every one has a default. */
  readonly timeouts?: Partial<MachineTimeouts>
}

export interface MachineTimeouts {
  /** From a hardware accelerator's start to the guest's first line, after which it counts as not working. */
  readonly proof: number
  /** Per start step. */
  readonly prepare: number
  readonly launch: number
  readonly kernel: number
  /** From the start of a machine that begins with its memory of before to its first line. */
  readonly awake: number
  readonly disk: number
  /** While the guest formats or checks its disk. */
  readonly diskWork: number
  readonly connect: number
  readonly engine: number
  /** How long the engine is left alone until it says that it is ready. */
  readonly ready: number
  readonly ports: number
  /** From asking the guest to power off to pulling the plug. */
  readonly shutdown: number
  readonly clock: number
  /** Between two checks of clock and engine. */
  readonly tick: number
}

/**
 * Generous: each is ten to twenty times what a quiet machine without hardware acceleration needs, because a busy one is
 * slow and not broken. Only `proof` is tight, and only until the accelerator has worked once.
 */
export const TIMEOUTS: MachineTimeouts = {
  proof: PROOF_MS,
  prepare: 600_000,
  launch: 30_000,
  kernel: 90_000,
  awake: 30_000,
  disk: 120_000,
  diskWork: 900_000,
  connect: 90_000,
  engine: 180_000,
  ready: 30_000,
  ports: 45_000,
  shutdown: 45_000,
  clock: 15_000,
  tick: 60_000,
}

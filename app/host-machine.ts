import { join } from 'node:path'
import type { EngineConfig } from '../vm/api/slipway.ts'
import { withDeadline } from '../vm/api/with-deadline.ts'
import type { EngineClient } from './engine/client.ts'
import type { Home } from './home.ts'
import type { Arch } from './machine/driver.ts'
import { locateImage } from './machine/image.ts'
import { Machine } from './machine/machine.ts'
import { QemuDriver } from './machine/qemu.ts'
import type { Problem } from './machine/state.ts'
import type { SettingsStore } from './settings.ts'
import type { Log } from './shell/log.ts'

export interface HostMachineOptions {
  readonly home: Home
  /** The folder with package.json and dist. */
  readonly root: string
  /** The packaged app's resources folder. */
  readonly resources?: string | undefined
  readonly settings: SettingsStore
  readonly engineConfig: () => EngineConfig
  readonly log: Log
  /** The client over this machine's own dial. */
  readonly engine: () => EngineClient
  /** What comes up with the engine: docker socket, published ports. Answers what did not. */
  readonly onReady: (signal: AbortSignal) => Promise<readonly Problem[]>
}

/** Seconds that containers have to end by their stop signal when the machine stops; within the machine's own deadline. */
const STOP_GRACE = 10

/** The guest runs the host's own instructions, or the other architecture's where tests say so. */
export function guestArch(env: NodeJS.ProcessEnv = process.env): Arch {
  return (env['SLIPWAY_ARCH'] ?? process.arch) === 'arm64' ? 'arm64' : 'x64'
}

/** The machine of a home, with this host's settings, image and engine client plugged in. */
export function createMachine(options: HostMachineOptions): Machine {
  const { home, root, resources, settings, engineConfig, log, engine, onReady } = options
  const arch = guestArch()
  const agent = join(root, 'dist', 'agent', 'main.js')
  return new Machine({
    home: home.root,
    driver: new QemuDriver({ arch }),
    image: () => locateImage(resources === undefined ? { arch, agent } : { arch, agent, resources }),
    config: () => {
      const { cpus, memoryMiB, diskGiB } = settings.value
      return { hostname: 'slipway', cpus, memoryMiB, diskGiB, engine: engineConfig() }
    },
    ping: (_dial, { signal }) => engine().system.ping({ signal }),
    onReady: (_dial, { signal }) => onReady(signal),
    shutdown: (_dial, { signal }) =>
      engine().slipway.shutdown(STOP_GRACE, {
        signal: withDeadline((STOP_GRACE + 10) * 1000, signal),
      }),
    clock: (_dial, now, { signal }) => engine().slipway.setClock({ now }, { signal }),
    keepMemory: true,
    log: (message, details) => log.info(message, details),
  })
}

import { createHash } from 'node:crypto'
import { join } from 'node:path'

/** Everything that one machine keeps on the host. Files are 0600, folders 0700. */
export interface MachinePaths {
  readonly home: string
  /** Identity, ports, the running VM and what is known of accelerators; survives the app. */
  readonly machineFile: string
  /** Held by the one process that owns this machine. */
  readonly lockFile: string
  readonly keys: string
  readonly dataDisk: string
  /** Kernel, agent and seed put together; written at every start. */
  readonly initrd: string
  /** The machine's memory as later starts begin with it, and where it arrives when it is kept. */
  readonly memory: string
  readonly memorySocket: string
  readonly serialLog: string
  /** The serial log of the start before. */
  readonly previousSerialLog: string
  /** QEMU's own stderr. */
  readonly qemuLog: string
  readonly pidFile: string
  /** A unix socket, on Windows a named pipe. */
  readonly monitor: string
}

/** Where the machine of `home` (an absolute path) keeps its files. */
export function machinePaths(home: string, platform: NodeJS.Platform = process.platform): MachinePaths {
  const token = createHash('sha256').update(home).digest('hex').slice(0, 16)
  return {
    home,
    machineFile: join(home, 'machine.json'),
    lockFile: join(home, 'machine.lock'),
    keys: join(home, 'keys'),
    dataDisk: join(home, 'data.img'),
    initrd: join(home, 'initrd.img'),
    memory: join(home, 'memory.img'),
    memorySocket: join(home, 'mem.sock'),
    serialLog: join(home, 'serial.log'),
    previousSerialLog: join(home, 'serial.previous.log'),
    qemuLog: join(home, 'qemu.log'),
    pidFile: join(home, 'qemu.pid'),
    monitor: platform === 'win32' ? `\\\\.\\pipe\\slipway-${token}` : join(home, 'qmp.sock'),
  }
}

import { type ChildProcess, spawn } from 'node:child_process'
import { open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { EngineError, kindOf, messageOf } from '../../vm/api/errors.ts'
import { withDeadline } from '../../vm/api/with-deadline.ts'
import { saidError } from '../sayings.ts'
import { ensureDisk } from './disk.ts'
import type {
  Arch,
  DriverInfo,
  Exit,
  MachineDriver,
  MemoryUse,
  VmHandle,
  VmRecord,
  VmSpec,
} from './driver.ts'
import { commandOf, isAlive } from './process.ts'
import { acceleratorCandidates, qemuArgs } from './qemu-args.ts'
import { QemuHandle } from './qemu-handle.ts'
import { type Qmp, QmpConnection, type QmpEvent } from './qmp.ts'
import { findQemu, type QemuProgram } from './requirements.ts'
import { logTail } from './serial.ts'

/** The smallest `sun_path` among the systems that we run on, with its final NUL (macOS). */
const SOCKET_PATH_MAX = 103
/** A healthy QEMU answers in milliseconds; what does not answer at all is killed, so there must be no doubt. */
const ADOPT_TIMEOUT_MS = 20_000

/** QEMU as an ordinary process of the user. It is detached: it outlives this process, which finds it again (`adopt`). */
export class QemuDriver implements MachineDriver {
  readonly #arch: Arch
  #program: QemuProgram | undefined

  constructor(options: { arch: Arch }) {
    this.#arch = options.arch
  }

  async info(options: { signal?: AbortSignal } = {}): Promise<DriverInfo> {
    this.#program = await findQemu(this.#arch, options)
    const accelerators = acceleratorCandidates(process.platform, process.arch, this.#arch)
    const { path, version } = this.#program
    const { size, mtimeMs } = await stat(path)
    return { name: 'qemu', version, build: `${path} ${version} ${size} ${mtimeMs}`, accelerators }
  }

  create(disk: { path: string; bytes: number }): Promise<void> {
    return ensureDisk(disk.path, disk.bytes)
  }

  async start(spec: VmSpec, { signal }: { signal?: AbortSignal } = {}): Promise<VmHandle> {
    const program = this.#program ?? (await findQemu(this.#arch, signal ? { signal } : {}))
    checkMonitorPath(spec.monitor)
    await clear(spec)
    const stderr = await open(spec.stderrLog, 'w', 0o600)
    const child = spawn(program.path, qemuArgs(spec, process.platform), {
      detached: true,
      stdio: ['ignore', stderr.fd, stderr.fd],
      cwd: '/',
      windowsHide: true,
    })
    const ended = whenEnded(child)
    await stderr.close()
    child.unref()
    try {
      return await this.#connect(child, ended, spec, signal)
    } catch (error) {
      child.ref()
      child.kill('SIGKILL')
      await ended
      throw error
    }
  }

  async adopt(record: VmRecord, { signal }: { signal?: AbortSignal } = {}): Promise<VmHandle | undefined> {
    const pid = Number.parseInt(await readFile(record.pidFile, 'utf8').catch(() => ''), 10)
    if (!(pid > 0) || !(await isAlive(pid))) return undefined
    const timeout = process.platform === 'win32' ? 1_000 : ADOPT_TIMEOUT_MS
    const events = new EventLog()
    try {
      const qmp = await QmpConnection.connect(record.monitor, {
        signal: withDeadline(timeout, signal),
        onEvent: events.add,
      })
      if (await isVm(qmp, record.id)) return adopted(pid, qmp, events, record)
      await qmp.close()
    } catch (error) {
      if (signal?.aborted) throw error
      await killHung(pid, record.id)
    }
    return undefined
  }

  async remove(disk: { path: string }): Promise<void> {
    await rm(disk.path, { force: true })
  }

  async #connect(
    child: ChildProcess,
    ended: Promise<Ended>,
    spec: VmSpec,
    signal: AbortSignal | undefined,
  ): Promise<VmHandle> {
    const events = new EventLog()
    const giveUp = new AbortController()
    const died = ended.then(async (end) => {
      throw await notStarted(end, spec)
    })
    // The loser of the race below has nobody listening.
    died.catch(() => giveUp.abort())
    const signals = signal ? AbortSignal.any([signal, giveUp.signal]) : giveUp.signal
    const qmp = await Promise.race([
      QmpConnection.connect(spec.monitor, { signal: signals, onEvent: events.add }),
      died,
    ])
    const exited = ended.then(async (end): Promise<Exit> => {
      await qmp.close()
      return { ...end, stderr: await logTail(spec.stderrLog), ...events.reason() }
    })
    if (spec.memory) await Promise.race([setOff(qmp, spec.memory, signals), died])
    return new QemuHandle({ pid: child.pid ?? 0, qmp, exited, ref: () => child.ref() })
  }
}

/** How often a VM is looked at that reads its memory. */
const RESTORE_LOOK_MS = 10

/** Has a VM run that was started standing still: to the point where it is held, or on from there. */
async function setOff(qmp: Qmp, { use }: MemoryUse, signal: AbortSignal): Promise<void> {
  while (use === 'restore' && !(await isRestored(qmp, signal)))
    await sleep(RESTORE_LOOK_MS, undefined, { signal })
  await qmp.execute('set_link', { name: 'net', up: use === 'restore' })
  await qmp.execute('cont')
}

/** The monitor may be silent while the memory is read; a VM that cannot read it ends. */
async function isRestored(qmp: Qmp, signal: AbortSignal): Promise<boolean> {
  try {
    return ((await qmp.execute('query-status', {}, { signal })) as { status?: string }).status !== 'inmigrate'
  } catch (error) {
    signal.throwIfAborted()
    if (kindOf(error) !== 'unavailable') throw error
    return false
  }
}

interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly error?: Error
}

function whenEnded(child: ChildProcess): Promise<Ended> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }))
    child.once('error', (error) => {
      if (child.pid === undefined) resolve({ code: null, signal: null, error })
    })
  })
}

/** Remembers why QEMU says it stops; the last event before the end counts. */
class EventLog {
  #reason: string | undefined
  readonly add = ({ event, data }: QmpEvent): void => {
    if (event === 'SHUTDOWN') this.#reason = String(data['reason'] ?? 'unknown')
    if (event === 'GUEST_PANICKED') this.#reason = 'guest-panic'
  }
  reason(): { reason?: string } {
    return this.#reason === undefined ? {} : { reason: this.#reason }
  }
}

/** Makes place for a new VM: what an old one left, and an empty serial log for whoever follows it from now on. */
async function clear(spec: VmSpec): Promise<void> {
  if (await answers(spec.monitor)) {
    const saying = { code: 'vm_foreign', values: { monitor: spec.monitor } } as const
    throw saidError('conflict', saying, { hint: { code: 'vm_foreign_hint' } })
  }
  await rm(spec.pidFile, { force: true })
  if (process.platform !== 'win32') await rm(spec.monitor, { force: true })
  const previous = spec.serialLog.replace(/(\.log)?$/, '.previous.log')
  await rename(spec.serialLog, previous).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
  await writeFile(spec.serialLog, '', { mode: 0o600 })
}

function answers(monitor: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(monitor)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

function checkMonitorPath(path: string): void {
  const bytes = Buffer.byteLength(path)
  if (process.platform === 'win32' || bytes <= SOCKET_PATH_MAX) return
  const saying = { code: 'socket_path', values: { path, bytes, max: SOCKET_PATH_MAX } } as const
  throw saidError('invalid_argument', saying, { hint: { code: 'socket_path_hint' } })
}

async function notStarted(end: Ended, spec: VmSpec): Promise<EngineError> {
  if (end.error) return new EngineError('vm_failed', `QEMU: ${messageOf(end.error)}`, { cause: end.error })
  const how = end.signal ?? `exit code ${end.code}`
  const said = await logTail(spec.stderrLog)
  return saidError('vm_failed', { code: 'qemu_exit', values: { how }, ...(said && { detail: said }) })
}

async function isVm(qmp: QmpConnection, id: string): Promise<boolean> {
  const answer = (await qmp.execute('query-uuid')) as { UUID?: string }
  return answer.UUID?.toLowerCase() === id.toLowerCase()
}

/** How often a VM that is not our child is looked at once its monitor is gone. */
const LOOK_MS = 50

function adopted(pid: number, qmp: QmpConnection, events: EventLog, record: VmRecord): VmHandle {
  let detached = false
  const exited = qmp.closed.then(async (): Promise<Exit> => {
    while (!detached && (await isAlive(pid))) await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    return { code: null, signal: null, stderr: await logTail(record.stderrLog), ...events.reason() }
  })
  const onDetach = () => {
    detached = true
  }
  return new QemuHandle({ pid, qmp, exited, onDetach })
}

/**
 * A QEMU of ours that does not answer must not keep the disk; a stranger's process of the same pid is left alone. On
 * Windows this is how every VM of an earlier process ends: QEMU's pipe there takes one client in its life.
 */
async function killHung(pid: number, id: string): Promise<void> {
  if (!(await commandOf(pid)).includes(process.platform === 'win32' ? 'qemu-system' : id)) return
  process.kill(pid, 'SIGKILL')
  while (await isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
}

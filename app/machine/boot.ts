import { mkdir } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { EngineError, messageOf } from '../../vm/api/errors.ts'
import {
  type Choice,
  chooseAccelerators,
  firstSight,
  verdict,
  verdictKey,
  withoutFirst,
} from './accelerator.ts'
import { BootMarks } from './boot-marks.ts'
import { type Running, within } from './deadline.ts'
import { GiB } from './disk.ts'
import type { DriverInfo, MemoryUse, VmHandle, VmSpec } from './driver.ts'
import { deathOf } from './exit.ts'
import { freePort, isFree } from './free-port.ts'
import { ensureKeys, type MachineKeys } from './keys.ts'
import type { MachineFile } from './machine-json.ts'
import type { MachineOptions, MachineTimeouts } from './machine-options.ts'
import { letGo, MemoryImage } from './memory-image.ts'
import type { MachinePaths } from './paths.ts'
import { writeInitrd } from './seed.ts'
import { LineFollower, type Mark, parseMark } from './serial.ts'
import { Ssh } from './ssh.ts'
import type { RunningFacts, StartStep } from './state.ts'

export interface BootContext {
  readonly options: MachineOptions
  readonly timeouts: MachineTimeouts
  readonly paths: MachinePaths
  readonly file: MachineFile
  readonly signal: AbortSignal
  /** Shows the step that begins, or what it is doing. */
  readonly enter: (step: StartStep, detail?: string) => void
  /** The control connection came or was lost, once the machine runs. */
  readonly onConnection: (connected: boolean) => void
  /** Streams may go through it from now on. */
  readonly onDialable: (ssh: Ssh) => void
}

/** What a start leaves running. */
export interface Booted {
  readonly handle: VmHandle
  readonly ssh: Ssh
  readonly facts: RunningFacts
}

interface Prepared {
  readonly info: DriverInfo
  readonly keys: MachineKeys
  readonly recipe: string
  /** Digest of the initramfs. */
  readonly initrd: string
  readonly base: Omit<VmSpec, 'accelerator' | 'sshPort'>
}

/** Others may take the port between our look and QEMU's bind. */
const PORT_ATTEMPTS = 3
const PING_PAUSE_MS = 100
const LAST_PING_PAUSE_MS = 1_000
/** One that hangs must not use up the whole step: the engine may have been restarted under it. */
const PING_TIMEOUT_MS = 20_000

/**
 * One start of the machine: the named steps, each with its deadline and raced against the VM's death and against what the
 * guest says about itself. Owns what it made until it has succeeded; `abandon` undoes a failed one.
 */
export class Boot {
  readonly #context: BootContext
  #step: StartStep = 'prepare'
  #handle: VmHandle | undefined
  #death: Promise<never> | undefined
  #ssh: Ssh | undefined
  #follower: LineFollower | undefined
  /** It was up before this start: containers may run in it. */
  #adopted = false
  readonly #memory: MemoryImage
  #memoryUse: MemoryUse['use'] | undefined
  #marks = new BootMarks()

  constructor(context: BootContext) {
    this.#context = context
    this.#memory = new MemoryImage(context.paths, context.file)
  }

  get step(): StartStep {
    return this.#step
  }

  /** Starts a new VM; ends after the `engine` step. */
  async fresh(): Promise<Booted> {
    try {
      return await this.#fresh()
    } catch (error) {
      // The next start does without what this one began with.
      if (this.#memoryUse === 'restore' && !this.#context.signal.aborted) await this.#memory.failed()
      throw error
    }
  }

  async #fresh(): Promise<Booted> {
    const { timeouts, file } = this.#context
    const prepared = await this.#prepare()
    const choice = await this.#launch(prepared)
    const sshPort = file.record.vm?.sshPort ?? 0
    const ssh = this.#openSsh(sshPort, prepared.keys)
    await this.#enter('disk', timeouts.disk, 'the data disk', async (running) => {
      if (this.#memoryUse === 'hold') await this.#keepMemory(running)
      // The guest brings up sshd and the data disk side by side; so does the handshake, which takes a second or more.
      this.#connectEarly(ssh)
      await this.#awaitDisk(running)
    })
    await this.#connect(ssh)
    return this.#finish(ssh, {
      accelerator: choice.accelerator,
      ...(choice.note === undefined ? {} : { acceleratorNote: choice.note }),
    })
  }

  /** The VM of an earlier process of this home, when one runs; ends after the `engine` step. */
  async adopt(handle: VmHandle): Promise<Booted> {
    const { file, paths, options } = this.#context
    this.#watch(handle)
    // An app that ended in the middle of keeping its memory left it standing still.
    await letGo(handle.qmp).catch((error: unknown) =>
      options.log('machine: adopted', { error: messageOf(error) }),
    )
    this.#adopted = true
    const vm = file.record.vm
    if (!vm) throw new EngineError('vm_failed', 'a virtual machine runs that machine.json does not know')
    const ssh = this.#openSsh(vm.sshPort, await ensureKeys(paths.keys))
    await this.#connect(ssh)
    return this.#finish(ssh, {
      accelerator: vm.accelerator,
      ...(vm.acceleratorNote === undefined ? {} : { acceleratorNote: vm.acceleratorNote }),
    })
  }

  /**
   * Takes down what a failed start left; with `keepVm` the VM lives on for the next process. One that was adopted is asked
   * to power itself off first.
   */
  async abandon({ keepVm }: { keepVm: boolean }): Promise<void> {
    await this.#follower?.[Symbol.asyncDispose]()
    if (this.#adopted && !keepVm) await this.#powerOff()
    await this.#ssh?.[Symbol.asyncDispose]()
    if (keepVm) await this.#handle?.detach()
    else await this.#handle?.stop()
  }

  async #powerOff(): Promise<void> {
    const { options, timeouts } = this.#context
    const [ssh, handle] = [this.#ssh, this.#handle]
    if (!ssh || !handle) return
    const notObeyed = (error: unknown): void =>
      options.log('machine: the guest does not power off', { error: messageOf(error) })
    await within({ ms: timeouts.shutdown, what: "the guest's end" }, ({ signal }) => {
      ssh.exec('poweroff', { signal }).catch(notObeyed)
      return handle.exited
    }).catch(notObeyed)
  }

  async #prepare(): Promise<Prepared> {
    const { options, paths, file, timeouts } = this.#context
    return this.#enter('prepare', timeouts.prepare, 'the preparations', async ({ signal }) => {
      await mkdir(paths.home, { recursive: true, mode: 0o700 })
      const info = await options.driver.info({ signal })
      const image = await options.image({ signal })
      const config = await options.config()
      const keys = await ensureKeys(paths.keys)
      await options.driver.create({ path: paths.dataDisk, bytes: config.diskGiB * GiB })
      const initrd = await writeInitrd(paths.initrd, image, {
        hostname: config.hostname,
        config: config.engine,
        keys,
      })
      const base = {
        id: file.record.id,
        arch: image.arch,
        cpus: config.cpus,
        memoryMiB: config.memoryMiB,
        kernel: image.kernel,
        initrd: paths.initrd,
        systemDisk: image.systemDisk,
        dataDisk: paths.dataDisk,
        console: image.console,
        kernelArguments: image.kernelArguments,
        serialLog: paths.serialLog,
        stderrLog: paths.qemuLog,
        pidFile: paths.pidFile,
        monitor: paths.monitor,
      }
      return { info, keys, recipe: image.recipe, initrd, base }
    })
  }

  /** Tries the accelerators in turn until a guest's kernel is up, and remembers which ones did not manage. */
  async #launch(prepared: Prepared): Promise<Choice> {
    const { info } = prepared
    const { file, options } = this.#context
    const failed = new Map<string, string>()
    let choices = await chooseAccelerators({
      accelerators: info.accelerators,
      version: info.version,
      verdicts: file.record.verdicts,
      problem: firstSight,
      now: Date.now(),
    })
    for (;;) {
      const [choice] = choices
      if (!choice) throw new EngineError('internal', 'no accelerator is left to try')
      try {
        await this.#bringUp(prepared, choice)
        if (choice.proving) failed.delete(choice.accelerator)
        await this.#remember(info.version, choice, failed)
        return choice
      } catch (error) {
        this.#context.signal.throwIfAborted()
        if (choices.length === 1) throw error
        const reason = `${choice.accelerator}: ${messageOf(error)}`
        options.log('machine: accelerator does not work', { accelerator: choice.accelerator, reason })
        failed.set(choice.accelerator, reason)
        await this.#dropVm()
        choices = withoutFirst(choices, reason)
      }
    }
  }

  async #remember(version: string, choice: Choice, failed: ReadonlyMap<string, string>): Promise<void> {
    const now = Date.now()
    const verdicts = Object.fromEntries(
      [...failed].map(([name, reason]) => [
        verdictKey(name as Choice['accelerator'], version),
        verdict(false, now, reason),
      ]),
    )
    if (choice.proving) verdicts[verdictKey(choice.accelerator, version)] = verdict(true, now)
    const { file } = this.#context
    await file.update((record) => ({
      ...record,
      verdicts: { ...record.verdicts, ...verdicts },
      ...(record.vm
        ? { vm: { ...record.vm, booted: true, ...(choice.note ? { acceleratorNote: choice.note } : {}) } }
        : {}),
    }))
  }

  async #bringUp({ base, recipe, info, initrd }: Prepared, { accelerator, proving }: Choice): Promise<void> {
    const { timeouts, options } = this.#context
    const spec = { ...base, accelerator, sshPort: 0 }
    const facts = { hypervisor: info.build, initrd }
    let memory = options.keepMemory ? await this.#memory.plan(spec, facts) : undefined
    if (memory?.use === 'restore') {
      try {
        return await this.#run({ ...spec, memory }, recipe, timeouts.awake, 'awake')
      } catch (error) {
        this.#context.signal.throwIfAborted()
        options.log('machine: its memory does not come up', { error: messageOf(error) })
        await this.#dropVm()
        await this.#memory.failed()
        memory = undefined
      }
    }
    await this.#run({ ...spec, memory }, recipe, proving ? timeouts.proof : timeouts.kernel, 'kernel up')
  }

  async #run(spec: VmSpec, recipe: string, ms: number, first: Mark['type']): Promise<void> {
    this.#memoryUse = spec.memory?.use
    await this.#enter('launch', this.#context.timeouts.launch, 'the virtual machine', ({ signal }) =>
      this.#start(spec, recipe, signal),
    )
    await this.#enter('kernel', ms, "the guest's first line", ({ signal }) =>
      this.#marks.until((mark) => mark.type === first, signal),
    )
  }

  async #keepMemory({ signal }: Running): Promise<void> {
    const { log } = this.#context.options
    const handle = this.#handle
    if (!handle) return
    const held = await this.#memory.keepHeld({ qmp: handle.qmp, marks: this.#marks, log, signal })
    if (!held) this.#memoryUse = undefined
  }

  async #start(spec: VmSpec, recipe: string, signal: AbortSignal): Promise<void> {
    const { file, options } = this.#context
    for (let attempt = 1; ; attempt++) {
      const sshPort = await freePort(file.record.sshPort)
      // Written first: a VM that this process does not live to see is found by the next one.
      const vm = { pid: 0, sshPort, accelerator: spec.accelerator, startedAt: Date.now(), recipe }
      await file.update((record) => ({ ...record, sshPort, vm }))
      try {
        const handle = await options.driver.start({ ...spec, sshPort }, { signal })
        this.#watch(handle)
        await file.update((record) => ({ ...record, vm: { ...vm, pid: handle.pid } }))
        await this.#follow(spec.serialLog)
        return
      } catch (error) {
        if (attempt === PORT_ATTEMPTS || signal.aborted || (await isFree(sshPort))) throw error
      }
    }
  }

  #watch(handle: VmHandle): void {
    this.#handle = handle
    this.#death = handle.exited.then((exit) => {
      throw deathOf(exit)
    })
    this.#death.catch(() => undefined)
  }

  async #follow(path: string): Promise<void> {
    const marks = new BootMarks()
    this.#marks = marks
    this.#follower = await LineFollower.open(path, (line) => {
      const mark = parseMark(line)
      if (mark) marks.add(mark)
    })
  }

  async #dropVm(): Promise<void> {
    await this.#follower?.[Symbol.asyncDispose]()
    await this.#handle?.kill()
    this.#follower = undefined
    this.#handle = undefined
    this.#death = undefined
    this.#marks = new BootMarks()
  }

  #openSsh(port: number, keys: MachineKeys): Ssh {
    const { options, onConnection } = this.#context
    this.#ssh = new Ssh({ target: { port, keys }, log: options.log, onChange: onConnection })
    return this.#ssh
  }

  /** One that is held has no network before it is let go. */
  #reachable(signal: AbortSignal): Promise<unknown> {
    const type = this.#memoryUse ? 'awake' : 'sshd ready'
    return this.#marks.until((mark) => mark.type === type, signal)
  }

  #connectEarly(ssh: Ssh): void {
    const { signal } = this.#context
    const connecting = this.#reachable(signal).then(() => ssh.connect({ signal }))
    // Whatever fails here fails again, and is told, in the step of its name.
    connecting.catch(() => undefined)
  }

  async #awaitDisk({ signal, extend }: Running): Promise<void> {
    const { timeouts, enter } = this.#context
    const unfollow = this.#marks.follow((mark) => {
      if (mark.type !== 'data disk') return
      enter('disk', mark.what)
      if (mark.what === 'formatting' || mark.what === 'checking') extend(timeouts.diskWork)
    })
    try {
      await this.#marks.until((mark) => mark.type === 'data disk' && mark.what === 'mounted', signal)
    } finally {
      unfollow()
    }
  }

  async #connect(ssh: Ssh): Promise<void> {
    const { timeouts } = this.#context
    await this.#enter('connect', timeouts.connect, 'the connection over SSH', async ({ signal }) => {
      // An adopted guest said it long ago, to somebody else.
      if (this.#follower) await this.#reachable(signal)
      await ssh.connect({ signal })
    })
  }

  async #finish(
    ssh: Ssh,
    accelerator: Pick<RunningFacts, 'accelerator' | 'acceleratorNote'>,
  ): Promise<Booted> {
    const { options, timeouts, file, onDialable } = this.#context
    onDialable(ssh)
    await this.#enter('engine', timeouts.engine, "the engine's answer", async ({ signal }) => {
      if (this.#follower) await this.#engineSays(signal)
      for (let pause = PING_PAUSE_MS; ; pause = Math.min(LAST_PING_PAUSE_MS, pause * 2)) {
        try {
          return await within({ ms: PING_TIMEOUT_MS, what: "the engine's answer", signal }, (running) =>
            options.ping(ssh.dial, running),
          )
        } catch (error) {
          if (signal.aborted) throw error
          await sleep(pause, undefined, { signal })
        }
      }
    })
    await this.#follower?.[Symbol.asyncDispose]()
    const handle = this.#handle
    if (!handle) throw new EngineError('internal', 'a start ended without a virtual machine')
    const startedAt = file.record.vm?.startedAt ?? Date.now()
    return { handle, ssh, facts: { ...accelerator, pid: handle.pid, startedAt } }
  }

  /**
   * Each knock at an engine that is not there costs the guest time that the engine needs to come up. One that did not say
   * that it is ready is asked all the same, only later.
   */
  async #engineSays(signal: AbortSignal): Promise<void> {
    const done = new AbortController()
    const late = sleep(this.#context.timeouts.ready, undefined, {
      signal: AbortSignal.any([signal, done.signal]),
    })
    late.catch(() => undefined)
    const ready = this.#marks.until((mark) => mark.type === 'agent ready', signal)
    await Promise.race([ready, late]).finally(() => done.abort())
  }

  async #enter<T>(
    step: StartStep,
    ms: number,
    what: string,
    act: (running: Running) => Promise<T>,
  ): Promise<T> {
    this.#step = step
    this.#context.enter(step)
    const { signal } = this.#context
    try {
      // What fails after the kernel is up is not its step's failure, and not its accelerator's.
      const said = step === 'kernel' ? [] : [this.#marks.failure]
      const death = this.#death && Promise.race([this.#death, ...said])
      death?.catch(() => undefined)
      return await within({ ms, what, signal, death }, act)
    } catch (error) {
      if (signal.aborted) throw new EngineError('cancelled', 'starting the machine: cancelled')
      throw error
    }
  }
}

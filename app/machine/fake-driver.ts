import { appendFile, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import type { Duplex } from 'node:stream'
import { EngineError } from '../../vm/api/errors.ts'
import { ensureDisk } from './disk.ts'
import type { DriverInfo, Exit, MachineDriver, VmHandle, VmRecord, VmSpec } from './driver.ts'
import { FakeGuest } from './fake-guest.ts'
import { ensureKeys } from './keys.ts'
import type { Qmp } from './qmp.ts'
import type { Accelerator } from './state.ts'

/** How a fake guest behaves; every field may be changed between starts. */
export interface FakeBehaviour {
  accelerators: Accelerator[]
  /** Accelerators under which the guest says nothing. */
  silent: Accelerator[]
  /** What it says on the serial console, in order. */
  marks: string[]
  serve: (target: string) => ((stream: Duplex) => void) | undefined
  /** Whether `poweroff` ends it. */
  obeys: boolean
  /** Whether it waits when it is held. */
  holds: boolean
  /** Whether a memory that was kept comes up again. */
  restores: boolean
  /** Hypervisor's own refusal to start. */
  refusal: string | undefined
}

export const GOOD_MARKS = [
  'kernel up',
  'system mounted',
  'data disk formatting',
  'data disk mounted',
  'sshd ready',
  'agent ready',
] as const

const EARLY_MARKS: readonly string[] = ['kernel up', 'system mounted', 'sshd ready']

/** Virtual machines that live through drivers of the same `world`, as real ones outlive an app. */
export type FakeWorld = Map<string, FakeVm>

/**
 * A driver whose guests are SSH servers in this process, so that everything above a driver runs without QEMU: start and
 * adoption, failure and death, orderly and disorderly ends.
 */
export class FakeDriver implements MachineDriver {
  readonly behaviour: FakeBehaviour
  readonly world: FakeWorld
  /** Every start, in order. */
  readonly started: VmSpec[] = []

  constructor(changes: Partial<FakeBehaviour> = {}, world: FakeWorld = new Map()) {
    this.world = world
    this.behaviour = {
      accelerators: ['kvm', 'tcg'],
      silent: [],
      marks: [...GOOD_MARKS],
      serve: () => (stream) => stream.pipe(stream),
      obeys: true,
      holds: true,
      restores: true,
      refusal: undefined,
      ...changes,
    }
  }

  info(): Promise<DriverInfo> {
    return Promise.resolve({
      name: 'fake',
      version: '1.0',
      build: 'fake',
      accelerators: this.behaviour.accelerators,
    })
  }

  create(disk: { path: string; bytes: number }): Promise<void> {
    return ensureDisk(disk.path, disk.bytes)
  }

  async start(spec: VmSpec): Promise<VmHandle> {
    if (this.behaviour.refusal) throw new EngineError('vm_failed', this.behaviour.refusal)
    if (this.world.has(spec.id)) throw new EngineError('conflict', 'the fake VM runs already')
    this.started.push(spec)
    await writeFile(spec.serialLog, '')
    const vm = new FakeVm(spec, () => this.world.delete(spec.id))
    await vm.boot(this.behaviour)
    this.world.set(spec.id, vm)
    await writeFile(spec.pidFile, String(vm.pid))
    return vm
  }

  async adopt(record: VmRecord): Promise<VmHandle | undefined> {
    const vm = this.world.get(record.id)
    const pid = await readFile(record.pidFile, 'utf8').catch(() => '')
    return vm && Number(pid) === vm.pid ? vm : undefined
  }

  async remove(disk: { path: string }): Promise<void> {
    await rm(disk.path, { force: true })
  }
}

/** Above any real pid, so that a mistake hits nobody. */
let nextPid = 2 ** 30

export class FakeVm implements VmHandle {
  readonly pid = nextPid++
  readonly exited: Promise<Exit>
  readonly qmp: Qmp
  readonly #spec: VmSpec
  #guest: FakeGuest | undefined
  /** What it says once it is let go. */
  #held: string[] = []
  #end: (exit: Exit) => void = () => undefined
  #over = false

  constructor(spec: VmSpec, onEnd: () => void) {
    this.#spec = spec
    this.exited = new Promise<Exit>((resolve) => {
      this.#end = resolve
    }).finally(onEnd)
    this.qmp = { execute: (command, args) => this.#obey(command, args ?? {}) }
  }

  async boot({ silent, marks, serve, obeys, holds, restores }: FakeBehaviour): Promise<void> {
    const { memory } = this.#spec
    if (silent.includes(this.#spec.accelerator) || (memory?.use === 'restore' && !restores)) return
    this.#guest = await FakeGuest.start({
      port: this.#spec.sshPort,
      keys: await ensureKeys(join(dirname(this.#spec.dataDisk), 'keys')),
      serve,
      exec: (command) => {
        if (command === 'poweroff' && obeys)
          setTimeout(() => this.end({ code: 0, reason: 'guest-shutdown' }), 20)
        return { output: '', code: 0 }
      },
    })
    if (memory?.use === 'hold' && holds) {
      this.#held = ['awake', ...marks.filter((mark) => !EARLY_MARKS.includes(mark))]
      await this.#say([...EARLY_MARKS, 'holding'])
    } else if (memory?.use === 'restore') {
      await this.#say(['awake', ...marks.filter((mark) => !EARLY_MARKS.includes(mark))])
    } else await this.#say(marks)
  }

  async #say(marks: readonly string[]): Promise<void> {
    for (const mark of marks) await appendFile(this.#spec.serialLog, `slipway: ${mark}\n`)
  }

  /** As QEMU's monitor does, as far as somebody waits for what follows. */
  async #obey(command: string, args: Readonly<Record<string, unknown>>): Promise<unknown> {
    if (command === 'set_link' && args['up'] === true) await this.#say(this.#held.splice(0))
    if (command === 'migrate') connect(String(args['uri']).replace('unix:', '')).end('all of its memory')
    return command === 'query-migrate' ? { status: 'completed' } : { ran: command }
  }

  /** The guest's connections break, its sshd stays. */
  cut(): void {
    this.#guest?.cut()
  }

  end(exit: Partial<Exit>): void {
    if (this.#over) return
    this.#over = true
    const guest = this.#guest
    void Promise.resolve(guest?.[Symbol.asyncDispose]()).then(() =>
      this.#end({ code: null, signal: null, stderr: '', ...exit }),
    )
  }

  stop(): Promise<Exit> {
    this.end({ code: 0, reason: 'host-qmp-quit' })
    return this.exited
  }

  kill(): Promise<Exit> {
    this.end({ signal: 'SIGKILL' })
    return this.exited
  }

  detach(): Promise<void> {
    return Promise.resolve()
  }
}

import { appendFile, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { EngineError } from '../../vm/api/errors.ts'
import { type FakeBehaviour, FakeDriver, type FakeWorld, GOOD_MARKS } from './fake-driver.ts'
import { Machine } from './machine.ts'
import type { MachineOptions } from './machine-options.ts'
import { type MachineState, TRANSITIONS } from './state.ts'

let home: string
let world: FakeWorld
let machines: Machine[]

/** Nothing here waits for one of these: a busy host is slow. Tests of a deadline make that one short. */
const PATIENT = {
  proof: 30_000,
  launch: 30_000,
  kernel: 30_000,
  awake: 30_000,
  disk: 30_000,
  diskWork: 30_000,
  connect: 30_000,
  engine: 30_000,
  ready: 400,
  ports: 30_000,
  shutdown: 30_000,
  clock: 30_000,
  tick: 60_000,
}
const within = (deadlines: Partial<typeof PATIENT>) => ({ timeouts: { ...PATIENT, ...deadlines } })

interface Made {
  machine: Machine
  driver: FakeDriver
  states: MachineState[]
}

function make(behaviour: Partial<FakeBehaviour> = {}, changes: Partial<MachineOptions> = {}): Made {
  const driver = new FakeDriver({ accelerators: ['tcg'], ...behaviour }, world)
  const machine = new Machine({
    home,
    driver,
    image: async () => ({
      arch: 'x64',
      recipe: 'test',
      kernel: join(home, 'kernel'),
      initrd: join(home, 'base.img'),
      systemDisk: join(home, 'system'),
      console: 'ttyS0',
      kernelArguments: [],
      agent: join(home, 'agent.js'),
    }),
    config: () => ({
      hostname: 'test',
      cpus: 1,
      memoryMiB: 512,
      diskGiB: 1,
      engine: {
        registryMirrors: [],
        insecureRegistries: [],
        httpProxy: '',
        httpsProxy: '',
        noProxy: '',
        portModel: 'direct',
        registryCertificates: [],
        sharedFolders: [],
        hostPlatform: 'linux',
      },
    }),
    ping: async (dial, options) => void (await dial({ path: '/engine' }, options)).destroy(),
    log: () => undefined,
    timeouts: PATIENT,
    ...changes,
  })
  machines.push(machine)
  const states: MachineState[] = []
  machine.subscribe((state) => states.push(state))
  return { machine, driver, states }
}

/** `starting:kernel`, `running`, … without repetitions. */
const names = (states: readonly MachineState[]): string[] =>
  states
    .map((state) => (state.state === 'starting' ? `starting:${state.step}` : state.state))
    .filter((name, index, all) => name !== all[index - 1])

const reaches = (machine: Machine, name: MachineState['state']) =>
  expect.poll(() => machine.state.state, { interval: 5 }).toBe(name)

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'machine-'))
  world = new Map()
  machines = []
  await writeFile(join(home, 'base.img'), 'base')
  await writeFile(join(home, 'agent.js'), 'agent')
})
afterEach(async () => {
  for (const machine of machines) await machine[Symbol.asyncDispose]()
  for (const vm of world.values()) await vm.kill()
  await rm(home, { recursive: true, force: true })
})

describe('memory that is kept on disk', () => {
  const uses = (driver: FakeDriver) => driver.started.map(({ memory }) => memory?.use)
  const kept = (machine: Machine) =>
    expect
      .poll(async () => JSON.parse(await readFile(machine.paths.machineFile, 'utf8')).memory?.bytes, {
        interval: 5,
      })
      .toBe(17)
  const again = async (machine: Machine) => {
    await machine.stop()
    await machine.start()
  }
  beforeEach(async () => {
    for (const name of ['kernel', 'system']) await writeFile(join(home, name), name)
  })

  test('the first start keeps it, later ones begin with it', async () => {
    const { machine, driver, states } = make({}, { keepMemory: true })
    await machine.start()
    await kept(machine)
    expect(await readFile(machine.paths.memory, 'utf8')).toBe('all of its memory')
    await again(machine)
    expect(uses(driver)).toEqual(['hold', 'restore'])
    expect(machine.state.state).toBe('running')
    expect(states.some((state) => state.state === 'starting' && state.detail === 'formatting')).toBe(true)
  })

  test('another engine begins with the kernel, and is kept itself', async () => {
    const { machine, driver } = make({}, { keepMemory: true })
    await machine.start()
    await kept(machine)
    await writeFile(join(home, 'agent.js'), 'another agent')
    await again(machine)
    await kept(machine)
    await again(machine)
    expect(uses(driver)).toEqual(['hold', 'hold', 'restore'])
  })

  test('one that does not come up is removed; the start goes on with the kernel, and twice is enough', async () => {
    const { machine, driver } = make({ restores: false }, { keepMemory: true, ...within({ awake: 50 }) })
    await machine.start()
    await kept(machine)
    await again(machine)
    expect(machine.state.state).toBe('running')
    await expect(stat(machine.paths.memory)).rejects.toThrow()
    await again(machine)
    await kept(machine)
    await again(machine)
    await again(machine)
    expect(uses(driver)).toEqual(['hold', 'restore', undefined, 'hold', 'restore', undefined, undefined])
  })

  test('a file that is cut short is not used', async () => {
    const { machine, driver } = make({}, { keepMemory: true })
    await machine.start()
    await kept(machine)
    await writeFile(machine.paths.memory, 'half')
    await again(machine)
    expect(uses(driver)).toEqual(['hold', 'hold'])
  })

  test('a guest that does not know how to wait starts as ever', async () => {
    const { machine, driver } = make({ holds: false }, { keepMemory: true })
    await machine.start()
    await again(machine)
    await again(machine)
    expect(uses(driver)).toEqual(['hold', 'hold', undefined])
    await expect(stat(machine.paths.memory)).rejects.toThrow()
  })

  test('hardware acceleration needs none', async () => {
    const { machine, driver } = make({ accelerators: ['kvm', 'tcg'] }, { keepMemory: true })
    await machine.start()
    await again(machine)
    const accelerated = driver.started.filter(({ accelerator }) => accelerator === 'kvm')
    expect(accelerated.map(({ memory }) => memory)).toEqual(accelerated.map(() => undefined))
  })

  test('after a panic the machine begins with the kernel', async () => {
    const { machine, driver } = make({}, { keepMemory: true })
    await machine.start()
    await kept(machine)
    await again(machine)
    for (const vm of world.values()) vm.end({ reason: 'guest-panic' })
    await expect.poll(() => driver.started.length).toBe(3)
    await reaches(machine, 'running')
    expect(uses(driver)).toEqual(['hold', 'restore', 'hold'])
  })
})

describe('starting', () => {
  test('goes through its steps in order and runs', async () => {
    const { machine, states } = make()
    await machine.start()
    expect(names(states)).toEqual([
      'stopped',
      ...['prepare', 'launch', 'kernel', 'disk', 'connect', 'engine', 'ports'].map(
        (step) => `starting:${step}`,
      ),
      'running',
    ])
    expect(machine.state).toMatchObject({ accelerator: 'tcg', pid: expect.any(Number) })
    expect(states.some((state) => state.state === 'starting' && state.detail === 'formatting')).toBe(true)
  })

  test('is one start, however many ask for it', async () => {
    const { machine, driver } = make()
    await Promise.all([machine.start(), machine.start(), machine.start()])
    await machine.start()
    expect(driver.started).toHaveLength(1)
  })

  test("the caller's signal ends the caller's wait only", async () => {
    const { machine } = make()
    await expect(machine.start({ signal: AbortSignal.timeout(1) })).rejects.toMatchObject({
      kind: 'cancelled',
    })
    await reaches(machine, 'running')
  })

  test('an engine that says when it is ready is asked then', async () => {
    await make({ marks: [...GOOD_MARKS] }, within({ ready: 600_000 })).machine.start()
  })

  test('one that never says so is asked nevertheless, after a while', async () => {
    let entered = 0
    let asked = 0
    const ping = async () => {
      asked = asked || performance.now()
    }
    const { machine } = make({ marks: GOOD_MARKS.filter((mark) => mark !== 'agent ready') }, { ping })
    machine.subscribe((state) => {
      if (state.state === 'starting' && state.step === 'engine') entered = performance.now()
    })
    await machine.start()
    expect(asked - entered).toBeGreaterThanOrEqual(PATIENT.ready - 5)
  })

  test('never says running before the engine answered, and waits for it', async () => {
    let answers = 0
    const { machine, states } = make(
      {},
      {
        ping: async () => {
          expect(states.at(-1)?.state).toBe('starting')
          if (++answers < 4) throw new Error('not yet')
        },
      },
    )
    await machine.start()
    expect(answers).toBeGreaterThanOrEqual(4)
  })

  test.each([
    ['kernel', { marks: [] }, "the guest's first line did not come within 400 ms"],
    ['disk', { marks: ['kernel up', 'sshd ready'] }, 'the data disk did not come within 400 ms'],
    [
      'disk',
      { marks: ['kernel up', 'system mounted', 'failed: data disk is damaged'] },
      'the guest says: data disk is damaged',
    ],
    ['engine', { serve: () => undefined }, "the engine's answer did not come within 1 s"],
    ['launch', { refusal: 'QEMU did not start (exit code 1): no memory' }, 'no memory'],
  ] as const)(
    'a failure in step %s is named and leaves nothing running',
    async (step, behaviour, message) => {
      const marks = [...('marks' in behaviour ? behaviour.marks : GOOD_MARKS)]
      const deadline = { [step]: step === 'engine' ? 1_000 : 400 }
      const { machine, states } = make({ ...behaviour, marks }, within(step === 'launch' ? {} : deadline))
      await expect(machine.start()).rejects.toThrow(message)
      expect(machine.state).toMatchObject({ state: 'failed', step, error: expect.stringContaining(message) })
      expect(world.size).toBe(0)
      expect(states.every((state, index) => index === 0 || legal(states[index - 1], state))).toBe(true)
    },
  )

  test('the failure shows what the guest said last', async () => {
    const { machine } = make({ marks: ['kernel up', 'failed: no system disk'] })
    await machine.start().catch(() => undefined)
    expect(machine.state).toMatchObject({ serialTail: 'slipway: kernel up\nslipway: failed: no system disk' })
  })

  test('a guest that repairs its disk gets the time for it', async () => {
    const { machine, driver } = make(
      { marks: ['kernel up', 'data disk checking', 'sshd ready'] },
      within({ disk: 1_000 }),
    )
    const start = machine.start()
    await expect.poll(() => driver.started).toHaveLength(1)
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    await appendFile(join(home, 'serial.log'), 'slipway: data disk mounted\n')
    await start
  })

  test('an engine that ends again and again fails the start long before its deadline', async () => {
    const died = 'failed: agent ended with 1'
    const { machine } = make(
      { marks: [...GOOD_MARKS, died, died, died], serve: () => undefined },
      within({ engine: 60_000 }),
    )
    await expect(machine.start()).rejects.toThrow('agent ended with 1')
  })

  test('a death in the middle is noticed at once', async () => {
    const { machine } = make({ marks: ['kernel up'] }, within({ disk: 60_000 }))
    const start = machine.start()
    await expect.poll(() => machine.state).toMatchObject({ step: 'disk' })
    for (const vm of world.values()) vm.end({ code: 1, stderr: 'first\nout of memory' })
    await expect(start).rejects.toThrow('QEMU ended with exit code 1: out of memory')
  })

  describe('of a guest whose kernel panics', () => {
    const panic = { code: 0, reason: 'guest-reset' }
    const dies = async ({ machine, driver }: Made, step: string, starts: number) => {
      await expect.poll(() => driver.started.length, { interval: 5 }).toBe(starts)
      await expect.poll(() => machine.state, { interval: 5 }).toMatchObject({ step })
      for (const vm of world.values()) vm.end(panic)
    }
    const log = () => {
      const lines: string[] = []
      return { lines, log: (message: string) => void lines.push(message) }
    }

    test.each([
      ['disk', { marks: ['kernel up'] }],
      ['engine', { serve: () => undefined }],
    ] as const)('in step %s: it is made once more by itself, and says so', async (step, behaviour) => {
      const { lines, ...changes } = log()
      const made = make({ ...('marks' in behaviour ? { marks: [...behaviour.marks] } : behaviour) }, changes)
      const start = made.machine.start()
      await expect.poll(() => made.machine.state, { interval: 5 }).toMatchObject({ step })
      made.driver.behaviour.marks = [...GOOD_MARKS]
      made.driver.behaviour.serve = () => (stream) => stream.pipe(stream)
      await dies(made, step, 1)
      await start
      expect(made.driver.started).toHaveLength(2)
      expect(names(made.states)).not.toContain('failed')
      const details = made.states.flatMap((state) => (state.state === 'starting' ? [state.detail] : []))
      expect(details).toContain("once more: the guest's kernel panicked")
      expect(lines).toContain('machine: died, starting again')
    })

    test('a second panic fails it, and three starts in ten minutes are made again at most', async () => {
      const made = make({ marks: ['kernel up'] })
      const starts: number[] = []
      for (let asked = 0; asked < 4; asked++) {
        const start = made.machine.start()
        const failure = expect(start).rejects.toThrow("the guest's kernel panicked")
        const before = made.driver.started.length
        await dies(made, 'disk', before + 1)
        if (asked < 3) await dies(made, 'disk', before + 2)
        await failure
        expect(made.machine.state).toMatchObject({ state: 'failed', step: 'disk' })
        starts.push(made.driver.started.length)
      }
      expect(starts).toEqual([2, 4, 6, 7])
      expect(world.size).toBe(0)
    })

    test('one that is cancelled is not made again', async () => {
      const made = make({ marks: ['kernel up'] })
      const failure = made.machine.start().catch((error: unknown) => error)
      await dies(made, 'disk', 1)
      await made.machine.stop()
      expect(await failure).toMatchObject({ kind: expect.stringMatching(/cancelled|vm_failed/) })
      expect([made.machine.state.state, made.driver.started.length]).toEqual(['stopped', 1])
    })

    test('one that takes over a running VM starts a new one', async () => {
      const first = make()
      await first.machine.start()
      await first.machine[Symbol.asyncDispose]()
      let asked = false
      const second = make(
        {},
        {
          ping: async () => {
            if (asked) return
            asked = true
            for (const vm of world.values()) vm.end(panic)
            throw new Error('gone')
          },
        },
      )
      expect(await second.machine.attach()).toBe(true)
      expect([second.machine.state.state, second.driver.started.length]).toEqual(['running', 1])
    })
  })

  test('after a failure it can be started again', async () => {
    const { machine, driver } = make({ refusal: 'no' })
    await machine.start().catch(() => undefined)
    driver.behaviour.refusal = undefined
    await machine.start()
    expect(machine.state.state).toBe('running')
  })

  test('what stands in the way of running is a problem, not a failure', async () => {
    const { machine, states } = make(
      {},
      { onReady: async () => [{ code: 'port_failed', message: '8080 is taken' }] },
    )
    await machine.start()
    expect(machine.state).toMatchObject({ state: 'degraded', problems: [{ code: 'port_failed' }] })
    expect(names(states)).toContain('running')
  })

  test('a hook that hangs does not withhold it', async () => {
    const { machine } = make({}, { onReady: () => new Promise(() => undefined), ...within({ ports: 300 }) })
    await machine.start()
    expect(machine.state).toMatchObject({ state: 'degraded' })
  })
})

describe('accelerators', () => {
  test('one under which the guest stays silent is given up, remembered and told', async () => {
    // kvm is looked at before it is tried; hvf is not, whatever this host is.
    const first = make({ accelerators: ['hvf', 'tcg'], silent: ['hvf'] }, within({ proof: 150 }))
    await first.machine.start()
    expect(first.driver.started.map(({ accelerator }) => accelerator)).toEqual(['hvf', 'tcg'])
    expect(first.machine.state).toMatchObject({
      accelerator: 'tcg',
      acceleratorNote: "hvf: the guest's first line did not come within 150 ms",
    })
    await first.machine.stop()
    await first.machine[Symbol.asyncDispose]()
    const second = make({ accelerators: ['hvf', 'tcg'], silent: ['hvf'] })
    await second.machine.start()
    expect(second.driver.started.map(({ accelerator }) => accelerator)).toEqual(['tcg'])
    expect(second.machine.state).toMatchObject({ acceleratorNote: expect.stringContaining('hvf') })
  })

  test('one that worked once is given the time that a busy host needs', async () => {
    const first = make({ accelerators: ['hvf', 'tcg'] })
    await first.machine.start()
    await first.machine.stop()
    await first.machine[Symbol.asyncDispose]()
    const second = make({ accelerators: ['hvf', 'tcg'], marks: [] }, within({ proof: 150 }))
    const start = second.machine.start()
    await expect.poll(() => second.driver.started).toHaveLength(1)
    await new Promise((resolve) => setTimeout(resolve, 250))
    await writeFile(join(home, 'serial.log'), GOOD_MARKS.map((mark) => `slipway: ${mark}\n`).join(''))
    await start
    expect(second.machine.state).toMatchObject({ accelerator: 'hvf' })
  })

  test('a failure that has nothing to do with it is not blamed on it', async () => {
    const { machine } = make({ accelerators: ['hvf', 'tcg'], refusal: 'the disk is locked' })
    await expect(machine.start()).rejects.toThrow('the disk is locked')
    expect(JSON.parse(await readFile(join(home, 'machine.json'), 'utf8')).verdicts).toEqual({})
  })
})

describe('running', () => {
  test('a death is a failure with its cause, and nothing is left of it', async () => {
    const { machine } = make()
    await machine.start()
    for (const vm of world.values()) vm.end({ signal: 'SIGKILL' })
    await reaches(machine, 'failed')
    expect(machine.state).toMatchObject({
      error: expect.stringContaining('SIGKILL'),
      hint: expect.any(String),
    })
    await expect(machine.dial({ path: '/engine' })).rejects.toMatchObject({ kind: 'unavailable' })
    await machine.start()
    expect(machine.state.state).toBe('running')
  })

  test('a death is shown even where it cannot be written down', async () => {
    const { machine } = make()
    await machine.start()
    await rm(join(home, 'machine.json'))
    await mkdir(join(home, 'machine.json'))
    for (const vm of world.values()) vm.end({ signal: 'SIGKILL' })
    await reaches(machine, 'failed')
    await rm(join(home, 'machine.json'), { recursive: true })
    await machine.start()
    expect(machine.state.state).toBe('running')
  })

  test('after a panic of the guest it is started again by itself, three times at most', async () => {
    const { machine, driver, states } = make()
    await machine.start()
    for (let starts = 1; starts <= 4; starts++) {
      await expect.poll(() => driver.started.length, { interval: 5 }).toBe(starts)
      await reaches(machine, 'running')
      for (const vm of world.values()) vm.end({ code: 0, reason: 'guest-reset' })
      await expect.poll(() => states.filter(({ state }) => state === 'failed').length).toBe(starts)
    }
    const failures = states.flatMap((state) => (state.state === 'failed' ? [state] : []))
    expect(failures.map(({ error }) => error)).toEqual(Array(4).fill("the guest's kernel panicked"))
    expect(failures.map(({ hint }) => hint?.split(':')[0])).toEqual([
      ...Array(3).fill('It is started again by itself'),
      'Start it again',
    ])
    expect(machine.state.state).toBe('failed')
    await machine.start()
    expect(machine.state.state).toBe('running')
  })

  test.each(['stop', 'start'] as const)(
    'a %s that comes while a death is dealt with waits for that, and is obeyed',
    async (wish) => {
      const { machine, driver, states } = make()
      await machine.start()
      const [vm] = world.values()
      vm?.end({ code: 0, reason: 'guest-reset' })
      await vm?.exited
      // It is noticed now, but no file was read yet.
      for (let turn = 0; turn < 5; turn++) await Promise.resolve()
      await machine[wish]()
      expect(names(states).slice(-1)).toEqual([wish === 'stop' ? 'stopped' : 'running'])
      expect([world.size, driver.started.length]).toEqual(wish === 'stop' ? [0, 1] : [1, 2])
    },
  )

  test('a lost connection is shown, made again, and what hangs on it is restored', async () => {
    let ready = 0
    const { machine, states } = make(
      {},
      {
        onReady: async () => {
          ready += 1
          return []
        },
      },
    )
    await machine.start()
    for (const vm of world.values()) vm.cut()
    await reaches(machine, 'degraded')
    await reaches(machine, 'running')
    expect(states.some((s) => s.state === 'degraded' && s.problems[0]?.code === 'connection_lost')).toBe(true)
    await expect.poll(() => ready).toBe(2)
  })

  test('an engine that stops answering is shown until it answers again', async () => {
    let down = false
    const { machine } = make(
      {},
      {
        ping: async () => {
          if (down) throw new EngineError('unavailable', 'connection refused')
        },
      },
    )
    await machine.start()
    down = true
    machine.resumed()
    await reaches(machine, 'degraded')
    expect(machine.state).toMatchObject({ problems: [{ code: 'engine_unreachable' }] })
    down = false
    await reaches(machine, 'running')
  })

  test("the guest's clock is set after the start and after sleep", async () => {
    const times: number[] = []
    const { machine } = make(
      {},
      {
        clock: async (_, now) => {
          times.push(now)
          return { offset: 9_000, stepped: true }
        },
      },
    )
    await machine.start()
    await expect.poll(() => times).toHaveLength(1)
    const before = Date.now()
    machine.resumed()
    await expect.poll(() => times).toHaveLength(2)
    expect(times[1]).toBeGreaterThanOrEqual(before)
    expect(times[1]).toBeLessThanOrEqual(Date.now())
  })

  test('others can report problems and take them back', async () => {
    const { machine } = make()
    machine.report({ code: 'disk_full', message: 'not running: ignored' })
    await machine.start()
    machine.report({ code: 'disk_full', message: 'full' })
    expect(machine.state).toMatchObject({
      state: 'degraded',
      problems: [{ code: 'disk_full', message: 'full' }],
    })
    machine.clear('disk_full')
    expect(machine.state.state).toBe('running')
  })

  test('the monitor can be asked', async () => {
    const { machine } = make()
    await expect(machine.monitor('query-status')).rejects.toMatchObject({ kind: 'unavailable' })
    await machine.start()
    expect(await machine.monitor('query-status')).toEqual({ ran: 'query-status' })
  })
})

describe('stopping', () => {
  test('the guest powers itself off', async () => {
    const { machine, states } = make()
    await machine.start()
    await Promise.all([machine.stop(), machine.stop()])
    expect(names(states).slice(-2)).toEqual(['stopping', 'stopped'])
    expect(world.size).toBe(0)
  })

  test('one that does not obey is ended', async () => {
    const { machine } = make({ obeys: false }, within({ shutdown: 300 }))
    await machine.start()
    await machine.stop()
    expect([machine.state.state, world.size]).toEqual(['stopped', 0])
  })

  test('a start that is under way is cancelled', async () => {
    const { machine, states } = make({ marks: ['kernel up'] })
    const start = machine.start()
    const failure = start.catch((error: unknown) => error)
    await expect.poll(() => machine.state).toMatchObject({ step: 'disk' })
    await machine.stop()
    expect(await failure).toMatchObject({ kind: 'cancelled' })
    expect(names(states).slice(-2)).toEqual(['stopping', 'stopped'])
    expect(world.size).toBe(0)
  })

  test('a start that is asked for while it stops comes after it', async () => {
    const { machine, driver } = make()
    await machine.start()
    const stop = machine.stop()
    await machine.start()
    await stop
    expect([machine.state.state, driver.started.length]).toEqual(['running', 2])
  })

  test('a failed or a stopped machine is stopped', async () => {
    const { machine } = make({ refusal: 'no' })
    await machine.stop()
    await machine.start().catch(() => undefined)
    await machine.stop()
    expect(machine.state).toEqual({ state: 'stopped' })
  })
})

describe('outliving the app', () => {
  test('the next process takes over the running VM', async () => {
    const first = make()
    await first.machine.start()
    await first.machine[Symbol.asyncDispose]()
    expect(world.size).toBe(1)
    const second = make()
    expect(await second.machine.attach()).toBe(true)
    expect(second.driver.started).toHaveLength(0)
    const pid = (state: MachineState | undefined) => (state?.state === 'running' ? state.pid : undefined)
    expect(pid(second.machine.state)).toBe(pid(first.states.at(-1)))
    expect(names(second.states)).not.toContain('starting:launch')
  })

  test('attach starts nothing', async () => {
    const { machine, states } = make()
    expect(await machine.attach()).toBe(false)
    expect(names(states)).toEqual(['stopped'])
  })

  test('start and attach at once are one', async () => {
    const { machine, driver } = make()
    const [attached] = await Promise.all([machine.attach(), machine.start()])
    expect([attached, driver.started.length]).toEqual([true, 1])
  })

  test('a VM that never came up is not taken over', async () => {
    const first = make({ marks: [] }, within({ kernel: 60_000 }))
    const start = first.machine.start().catch(() => undefined)
    await expect.poll(() => first.machine.state).toMatchObject({ step: 'kernel' })
    await first.machine[Symbol.asyncDispose]()
    await start
    expect(world.size).toBe(1)
    const second = make()
    await second.machine.start()
    expect(second.driver.started).toHaveLength(1)
  })

  test('stop ends a VM that another process left', async () => {
    const first = make()
    await first.machine.start()
    await first.machine[Symbol.asyncDispose]()
    const second = make()
    await second.machine.stop()
    expect([second.machine.state.state, world.size]).toEqual(['stopped', 0])
  })

  test('a stop while taking it over powers it off, it does not pull the plug', async () => {
    const first = make()
    await first.machine.start()
    await first.machine[Symbol.asyncDispose]()
    const [vm] = [...world.values()]
    const second = make(
      {},
      { ping: (_, { signal }) => new Promise((_, no) => signal.addEventListener('abort', no)) },
    )
    const starting = second.machine.start().catch((error: unknown) => error)
    await expect.poll(() => names(second.states), { interval: 5 }).toContain('starting:engine')
    await second.machine.stop()
    expect(await starting).toMatchObject({ kind: 'cancelled' })
    expect(await vm?.exited).toMatchObject({ reason: 'guest-shutdown' })
  })

  test('two processes cannot own one machine', async () => {
    const first = make()
    await first.machine.start()
    const second = make()
    await expect(second.machine.start()).rejects.toMatchObject({ kind: 'conflict' })
    expect(second.machine.state.state).toBe('stopped')
  })
})

test('the data disk survives everything but being removed, which needs a stopped machine', async () => {
  const { machine } = make()
  await machine.start()
  await expect(machine.removeData()).rejects.toMatchObject({ kind: 'conflict' })
  await machine.restart()
  await machine.stop()
  expect((await stat(join(home, 'data.img'))).size).toBe(1024 ** 3)
  await machine.removeData()
  await expect(stat(join(home, 'data.img'))).rejects.toThrow()
})

function legal(from: MachineState | undefined, to: MachineState): boolean {
  return from !== undefined && TRANSITIONS[from.state].includes(to.state)
}

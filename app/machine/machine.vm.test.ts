import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Dial } from './dial.ts'
import { locateImage } from './image.ts'
import { Machine } from './machine.ts'
import type { MachineOptions } from './machine-options.ts'
import { isAlive } from './process.ts'
import { QemuDriver } from './qemu.ts'
import type { MachineState } from './state.ts'

/**
 * The machine for real: QEMU, the system image, sshd. Needs a built image; run with SLIPWAY_VM_TESTS=1. The engine is a
 * stand-in that answers `_ping`, so that what is tested here does not depend on it.
 */
const ENGINE = `
import { createServer } from 'node:http'
import { rmSync } from 'node:fs'
rmSync('/run/slipway/engine.sock', { force: true })
createServer((_, response) => response.end('OK')).listen('/run/slipway/engine.sock', () => console.log('stand-in: engine ready after 0 ms'))
`
/** What an engine does in a machine whose memory is kept, as little as there is to it. */
const HELD_ENGINE = `
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
const say = (what) => writeFileSync('/dev/console', 'slipway: ' + what + '\\n')
if (process.env.SLIPWAY_DATA_DISK) {
  say('holding')
  while (readFileSync('/sys/class/net/eth0/carrier', 'latin1') !== '1\\n') await new Promise((done) => setTimeout(done, 20))
  say('awake')
  spawnSync('/usr/lib/slipway/data-disk')
}
${ENGINE}
`
const SOCKET = '/run/slipway/engine.sock'
const arch = process.arch === 'arm64' ? 'arm64' : 'x64'

let home: string
let machines: Machine[] = []

function ping(dial: Dial, { signal }: { signal: AbortSignal }): Promise<void> {
  return new Promise((resolve, reject) => {
    void dial({ path: SOCKET }, { signal }).then((stream) => {
      const request = get({ path: '/_ping', createConnection: () => stream as never, signal }, (response) => {
        response.resume()
        response.once('end', () => resolve())
      })
      request.once('error', reject)
    }, reject)
  })
}

function machine(changes: Partial<MachineOptions> = {}): { machine: Machine; states: MachineState[] } {
  const made = new Machine({
    home,
    driver: new QemuDriver({ arch }),
    image: () => locateImage({ arch, agent: join(home, 'agent.js') }),
    config: () => ({
      hostname: 'slipway-test',
      cpus: 2,
      memoryMiB: 1024,
      diskGiB: 8,
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
    ping,
    log: (message, details) => console.log(new Date().toISOString().slice(14, 23), message, details ?? ''),
    ...changes,
  })
  machines.push(made)
  const states: MachineState[] = []
  made.subscribe((state) => states.push(state))
  return { machine: made, states }
}

const until = (made: Machine, name: MachineState['state']): Promise<MachineState> =>
  new Promise((resolve) => {
    const unsubscribe = made.subscribe((state) => {
      if (state.state !== name) return
      setImmediate(() => unsubscribe())
      resolve(state)
    })
  })

async function text(stream: Duplex): Promise<string> {
  let all = ''
  for await (const chunk of stream) all += String(chunk)
  return all
}

async function inGuest(made: Machine, command: string): Promise<string> {
  const shell = await made.shell({ rows: 30, columns: 100 })
  shell.write(`stty -echo; ${command}; exit\n`)
  return text(shell)
}

function pidOf(made: Machine): number {
  if (made.state.state !== 'running') throw new Error(`the machine is ${made.state.state}`)
  return made.state.pid
}

describe.runIf(process.env['SLIPWAY_VM_TESTS'])('a real virtual machine', { timeout: 300_000 }, () => {
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'sw-'))
    await writeFile(join(home, 'agent.js'), ENGINE)
  })
  afterEach(async () => {
    for (const made of machines) await made[Symbol.asyncDispose]()
    machines = []
  })
  afterAll(async () => {
    const last = new Machine({ ...machineOptionsOf(home) })
    await last.stop()
    await last[Symbol.asyncDispose]()
    await rm(home, { recursive: true, force: true })
  }, 120_000)

  test('comes up, whatever the accelerators do, and remembers which one works', async () => {
    const started = Date.now()
    const { machine: made, states } = machine()
    const times: Record<string, number> = {}
    made.subscribe((state) => {
      times[state.state === 'starting' ? state.step : state.state] ??= Date.now() - started
    })
    await made.start()
    console.log('ms until each step began', times)
    expect(states.at(-1)).toMatchObject({ state: 'running' })
    const record = JSON.parse(await readFile(join(home, 'machine.json'), 'utf8'))
    expect(Object.keys(record.verdicts).length).toBe(process.platform === 'linux' ? 1 : expect.any(Number))
    expect(await inGuest(made, 'hostname; stty size')).toMatch(/slipway-test[\s\S]*30 100/)
  })

  test('all processors run, and starting containers makes the kernel patch nothing under them', async () => {
    const { machine: made } = machine()
    await made.start()
    const said = await inGuest(
      made,
      [
        'mount -t tracefs t /sys/kernel/tracing; cd /sys/kernel/tracing',
        'echo "p:patched jump_label_update" >kprobe_events; echo 1 >events/kprobes/patched/enable',
        'g=/sys/fs/cgroup/x; mkdir $g; echo 50000 100000 >$g/cpu.max; echo max >$g/cpu.max; rmdir $g',
        "nft 'add table inet t; add chain inet t c { type nat hook output priority -100; }'",
        'ping -c 1 127.0.0.1; nft delete table inet t',
        'echo "processors $(nproc)"; echo "then $(cat kprobe_profile)"',
        // What is patched does get counted.
        'echo 1 >/proc/sys/kernel/bpf_stats_enabled; echo "now $(cat kprobe_profile)"',
        'echo 0 >events/kprobes/patched/enable; echo >kprobe_events; cd /; umount /sys/kernel/tracing',
      ].join('; '),
    )
    expect(said).toMatch(/processors 2\s[\s\S]*then +patched +0 [\s\S]*now +patched +[1-9]/)
  })

  test('an app that goes and comes back finds the same machine', async () => {
    const first = machine().machine
    await first.start()
    const pid = pidOf(first)
    await first[Symbol.asyncDispose]()
    const second = machine().machine
    expect(await second.attach()).toBe(true)
    expect(pidOf(second)).toBe(pid)
  })

  test('QEMU killed under a running machine: failed with the cause, and the next start keeps the data', async () => {
    const { machine: made } = machine()
    await made.start()
    await inGuest(made, 'echo precious > /var/lib/slipway/mark; sync')
    process.kill(pidOf(made), 'SIGKILL')
    expect(await until(made, 'failed')).toMatchObject({
      error: expect.any(String),
      serialTail: expect.any(String),
    })
    const started = Date.now()
    await made.start()
    console.log('second start', Date.now() - started, 'ms', made.state)
    expect(await inGuest(made, 'cat /var/lib/slipway/mark')).toContain('precious')
  })

  test('sshd killed: the connection comes back by itself and a waiting call goes through', async () => {
    const { machine: made, states } = machine()
    await made.start()
    await inGuest(made, 'kill -9 $(cat /run/sshd.pid) $(pidof sshd-session)').catch(() => '')
    const stream = await made.dial({ path: SOCKET })
    stream.destroy()
    await until(made, 'running')
    expect(states.some((state) => state.state === 'degraded')).toBe(true)
  })

  test.runIf(arch === 'x64')('begins where it was held, and finds what was written since', async () => {
    await writeFile(join(home, 'agent.js'), HELD_ENGINE)
    const { machine: made } = machine({ keepMemory: true })
    await made.stop()
    await made.start()
    const kept = () => readFile(made.paths.machineFile, 'utf8').then((text) => JSON.parse(text).memory?.bytes)
    await expect.poll(kept).toBeGreaterThan(1e7)
    await inGuest(made, 'echo precious > /var/lib/slipway/mark')
    await made.stop()
    const started = Date.now()
    await made.start()
    console.log('started in', Date.now() - started, 'ms from memory')
    const log = await readFile(made.paths.serialLog, 'utf8')
    expect(log).toContain('slipway: awake')
    expect(log).not.toContain('kernel up')
    expect(await inGuest(made, 'cat /var/lib/slipway/mark; nproc')).toMatch(/precious\s+2\s/)
    await made.stop()
  })

  test('stops in order', async () => {
    const { machine: made, states } = machine()
    await made.start()
    const pid = pidOf(made)
    const started = Date.now()
    await made.stop()
    console.log('stopped in', Date.now() - started, 'ms')
    expect(states.slice(-2).map(({ state }) => state)).toEqual(['stopping', 'stopped'])
    expect(await isAlive(pid)).toBe(false)
    expect(await readFile(join(home, 'serial.log'), 'utf8')).toContain('slipway: powering off')
    await expect(made.dial({ path: SOCKET })).rejects.toMatchObject({ kind: 'unavailable' })
  })
})

function machineOptionsOf(at: string): MachineOptions {
  return {
    home: at,
    driver: new QemuDriver({ arch }),
    image: () => locateImage({ arch, agent: join(at, 'agent.js') }),
    config: () => {
      throw new Error('not started')
    },
    ping,
    log: () => undefined,
  }
}

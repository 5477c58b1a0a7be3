import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { makeSlipway, run } from '../fixtures/slipway.ts'
import { type Context, context } from './context.ts'

let c: Context
beforeAll(async () => {
  c = await context()
})

const status = async () => JSON.parse((await c.slipway('status', '--json')).stdout)
/** `slipway ssh COMMAND`. */
const guest = (command: string, input = '') =>
  run(process.execPath, ['dist/app/cli.js', 'ssh', command], { env: c.env, input })

test('slipway ssh hands on streams, input and exit codes', async () => {
  expect(await guest('echo out; echo err >&2; exit 7')).toEqual({ code: 7, stdout: 'out\n', stderr: 'err\n' })
  expect(await guest('cat; tty', 'in')).toEqual({ code: 1, stdout: 'innot a tty\n', stderr: '' })
  expect((await guest('kill -9 $$')).code).toBe(137)
})

test('the guest’s clock is stepped when it is wrong', async () => {
  await guest('date -s 2001-01-01')
  // Every check of the connection is one of the clock too.
  await guest('kill $(pidof sshd-session)')
  await expect
    .poll(async () => Math.abs(Number((await guest('date +%s')).stdout) - Date.now() / 1000), {
      timeout: 90_000,
      interval: 2_000,
    })
    .toBeLessThan(5)
})

test('an engine that hangs is shown as a problem until it answers again', async () => {
  await guest('kill -STOP $(cat /run/slipway/agent.pid)')
  await guest('kill $(pidof sshd-session)')
  // In one look: the connection is back before long, and the engine's silence is noticed later.
  const codes = async () => ((await status()).problems ?? []).map(({ code }: { code: string }) => code)
  await expect
    .poll(codes, { timeout: 60_000, interval: 500 })
    .toEqual([expect.stringMatching(/engine_unreachable|connection_lost/)])
  // Said again each time: what looks dead is connected anew, and a command with it.
  const goesOn = async () => {
    await guest('kill -CONT $(cat /run/slipway/agent.pid)')
    return (await status()).state
  }
  await expect.poll(goesOn, { timeout: 90_000, interval: 1_000 }).toBe('running')
  await c.ok('version')
})

test('a container that ignores SIGTERM does not hold up the stop, and the disk is left clean', async () => {
  await c.ok('pull', '-q', 'busybox')
  await c.ok('run', '-d', '--name', 'deaf', 'busybox', 'sh', '-c', 'trap "" TERM; while :; do sleep 1; done')
  expect((await c.slipway('stop')).code).toBe(0)
  // A machine that takes too long is ended without this.
  expect(await readFile(join(c.home, 'serial.log'), 'utf8')).toContain('slipway: powering off')
  expect((await c.slipway('start')).code).toBe(0)
  // A disk that was not unmounted is checked first.
  expect(await readFile(join(c.home, 'serial.log'), 'utf8')).not.toMatch(/data disk (checking|repaired)/)
  expect(await c.ok('inspect', '-f', '{{.State.Status}}', 'deaf')).toBe('exited')
  await c.clean('deaf')
})

test('settings of the machine hold from the next start on; the disk only grows', async () => {
  const before = (await stat(join(c.home, 'data.img'))).size
  const gib = before / 1024 ** 3 + 1
  expect((await c.slipway('config', 'set', 'cpus', '1')).code).toBe(0)
  expect((await c.slipway('config', 'set', 'memoryMiB', '1536')).code).toBe(0)
  expect((await c.slipway('config', 'set', 'diskGiB', String(gib))).code).toBe(0)
  expect((await c.slipway('restart')).code).toBe(0)
  expect((await guest('nproc')).stdout.trim()).toBe('1')
  const memory = Number(/MemTotal: +(\d+)/.exec((await guest('cat /proc/meminfo')).stdout)?.[1])
  expect(memory).toBeGreaterThan(1_200_000)
  expect(memory).toBeLessThan(1_600_000)
  expect((await stat(join(c.home, 'data.img'))).size).toBe(before + 1024 ** 3)
  const blocks = Number((await guest("df -k /var/lib/slipway | tail -1 | awk '{print $2}'")).stdout)
  expect(blocks).toBeGreaterThan((gib - 1) * 1024 ** 2)
  expect((await c.slipway('config', 'set', 'diskGiB', String(gib - 1))).code).not.toBe(0)
  for (const [name, value] of [
    ['cpus', '2'],
    ['memoryMiB', '2048'],
  ] as const)
    expect((await c.slipway('config', 'set', name, value)).code).toBe(0)
  expect((await c.slipway('restart')).code).toBe(0)
})

test('doctor looks at everything a start needs', async () => {
  const { code, stdout } = await c.slipway('doctor')
  expect(stdout).toMatch(/virtual machine software.*qemu \d/)
  expect(stdout).toMatch(/system image.*x64|system image.*arm64/)
  // Without /dev/kvm it says so, and that is all it finds.
  expect(code === 0 || /\/dev\/kvm cannot be used/.test(stdout), stdout).toBe(true)
})

test('a second home runs beside the first and is reset by itself', async () => {
  await using other = await makeSlipway({ settings: { cpus: 1, memoryMiB: 1024, diskGiB: 4 } })
  expect((await other.slipway('start')).code).toBe(0)
  expect((await other.slipway('ssh', 'touch /var/lib/slipway/mark')).code).toBe(0)
  expect((await status()).state).toBe('running')
  expect((await other.slipway('reset', '--settings', '--yes')).code).toBe(0)
  expect((await other.slipway('ssh', 'ls /var/lib/slipway/mark')).code).toBe(0)
  expect((await other.slipway('reset', '--containers', '--yes')).code).toBe(0)
  expect((await other.slipway('ssh', 'ls /var/lib/slipway/mark')).code).not.toBe(0)
  expect((await c.docker('version')).code).toBe(0)
})

import { beforeAll, expect, test } from 'vitest'
import { type Context, context } from './context.ts'

let c: Context
beforeAll(async () => {
  c = await context()
})

const status = async () => JSON.parse((await c.slipway('status', '--json')).stdout)

test('kill -9 of the agent: containers go on, logs and exit codes are there', async () => {
  await c.ok(
    'run',
    '-d',
    '--name',
    'steady',
    'busybox',
    'sh',
    '-c',
    'i=0; while :; do echo $((i=i+1)); sleep 1; done',
  )
  await c.ok('run', '-d', '--name', 'brief', 'busybox', 'sh', '-c', 'sleep 4; exit 6')
  const before = await c.ok('inspect', '-f', '{{.State.Pid}}', 'steady')
  const pid = () => c.slipway('ssh', 'pidof', 'node').then(({ stdout }) => stdout.trim())
  const agent = await pid()
  await c.slipway('ssh', 'kill', '-9', agent)
  await expect.poll(pid, { timeout: 60_000 }).not.toMatch(new RegExp(`^${agent}$|^$`))
  await expect.poll(async () => (await c.docker('version')).code, { timeout: 60_000 }).toBe(0)
  expect(await c.ok('inspect', '-f', '{{.State.Running}} {{.State.Pid}}', 'steady')).toBe(`true ${before}`)
  await expect
    .poll(() => c.ok('inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', 'brief'), { timeout: 60_000 })
    .toBe('exited 6')
  // The respawned one finds what its predecessor has mounted.
  expect(await c.ok('run', '--rm', 'busybox', 'echo', 'again')).toBe('again')
  const lines = (await c.ok('logs', 'steady')).split('\n').map(Number)
  expect(lines).toEqual(lines.map((_, i) => i + 1))
  await c.clean('steady', 'brief')
})

test('kill -9 of QEMU while a container writes: the cause is said, the next start is clean', async () => {
  await c.ok('run', '-d', '--name', 'writer', 'busybox', 'sh', '-c', 'while :; do date >>/log; done')
  await c.ok('create', '--name', 'idle', 'busybox')
  process.kill((await status()).pid, 'SIGKILL')
  await expect.poll(async () => (await status()).state, { timeout: 60_000 }).toBe('failed')
  expect((await status()).error).toMatch(/QEMU.*SIGKILL|killed/i)
  expect((await c.slipway('start')).code).toBe(0)
  expect(await c.ok('images', '-q', 'busybox')).not.toBe('')
  expect(await c.ok('ps', '-a', '--format', '{{.Names}}:{{.State}}')).toMatch(
    /idle:created\nwriter:exited|writer:exited\nidle:created/,
  )
  await c.ok('start', 'writer')
  await c.clean('writer', 'idle')
})

/** What must not be the same in any two runs of a machine, also when they begin with the same memory. */
async function marksOfThisRun(): Promise<string[]> {
  const { stdout } = await c.slipway('ssh', 'cat', '/proc/sys/kernel/random/boot_id')
  const volume = await c.ok('volume', 'create')
  await c.ok('volume', 'rm', volume)
  return [stdout.trim(), volume]
}

test('stop and start keep images and containers; status tells each state; no two runs are alike', async () => {
  await c.ok('create', '--name', 'kept', 'busybox')
  await c.ok('run', '-d', '--restart', 'always', '--name', 'lasting', 'busybox', 'sleep', '10000')
  const marks: string[] = []
  for (let run = 0; run < 2; run++) {
    expect((await c.slipway('stop')).code).toBe(0)
    expect((await status()).state).toBe('stopped')
    expect((await c.slipway('start')).code).toBe(0)
    expect((await status()).state).toBe('running')
    marks.push(...(await marksOfThisRun()))
  }
  expect(new Set(marks).size).toBe(4)
  const before = Date.now() / 1000
  const time = Number((await c.slipway('ssh', 'date', '+%s')).stdout)
  expect(time).toBeGreaterThan(before - 3)
  expect(time).toBeLessThan(Date.now() / 1000 + 3)
  expect(await c.ok('ps', '-a', '--format', '{{.Names}}', '-f', 'name=kept')).toBe('kept')
  await expect.poll(() => c.ok('inspect', '-f', '{{.State.Running}}', 'lasting')).toBe('true')
  await c.clean('kept', 'lasting')
})

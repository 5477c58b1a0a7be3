import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, expect, test } from 'vitest'
import { type Context, context } from './context.ts'

let c: Context
beforeAll(async () => {
  c = await context()
  await c.ok('pull', '-q', 'busybox')
})

const COUNT = 100
const AT_ONCE = 8

/** What containers leave in the machine while they exist; one count a line. */
const TRACES = `
echo mounts $(grep -c '/run/slipway/containers/\\|/run/slipway/netns/' /proc/mounts)
echo cgroups $(find /sys/fs/cgroup/slipway -mindepth 1 -type d | wc -l)
echo namespaces $(ls /run/slipway/netns | wc -l)
echo monitors $(grep -ls '^/usr/bin/conmon' /proc/[0-9]*/cmdline | wc -l)
echo cables $(ls /sys/class/net | grep -c '^veth')
echo bundles $(ls /run/slipway/containers | wc -l)
echo states $(ls /run/slipway/runtime/crun /run/slipway/runtime/exits /run/slipway/runtime/execs | grep -c '[0-9a-f]\\{64\\}')
echo records $(ls /var/lib/slipway/containers | wc -l)
echo endpoints $(ls /run/slipway/network/endpoints | wc -l)
echo layers $(ls /var/lib/slipway/snapshots/m | wc -l)
`

async function inMachine(script: string): Promise<string> {
  const result = await c.slipway('ssh', script)
  if (result.code !== 0) throw new Error(`in the machine: ${result.stderr}${result.stdout}`)
  return result.stdout.replaceAll('\r', '').trim()
}

/** Runs `work` for every item, some at once. */
async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const rest = [...items]
  const worker = async () => {
    for (let item = rest.shift(); item !== undefined; item = rest.shift()) await work(item)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}

/** Looks until it is as it was, for what is cleared after the answer; then says what is not. */
async function expectTraces(before: string): Promise<void> {
  for (let tries = 0; tries < 20; tries++) {
    if ((await inMachine(TRACES)) === before) return
    await sleep(500)
  }
  expect(await inMachine(TRACES)).toBe(before)
}

test('100 containers are created, started, listed, stopped and removed, 8 at a time, and leave nothing', {
  timeout: 900_000,
}, async () => {
  const before = await inMachine(TRACES)
  const names = Array.from({ length: COUNT }, (_, index) => `crowd-${index}`)
  await inParallel(names, (name) =>
    c.ok('create', '--name', name, '--label', 'crowd', 'busybox', 'sleep', '100000'),
  )
  await inParallel(names, (name) => c.ok('start', name))
  const running = await c.ok('ps', '-q', '--filter', 'label=crowd')
  expect(running.split('\n')).toHaveLength(COUNT)
  const addresses = await c.ok('inspect', '-f', '{{.NetworkSettings.Networks.bridge.IPAddress}}', ...names)
  expect(new Set(addresses.split('\n')).size).toBe(COUNT)
  await inParallel(names, (name) => c.ok('stop', '-t', '0', name))
  const exited = await c.ok('ps', '-aq', '--filter', 'label=crowd', '--filter', 'status=exited')
  expect(exited.split('\n')).toHaveLength(COUNT)
  await inParallel(names, (name) => c.ok('rm', name))
  expect(await c.ok('ps', '-aq', '--filter', 'label=crowd')).toBe('')
  await expectTraces(before)
})

test('containers that remove themselves leave nothing either', async () => {
  const before = await inMachine(TRACES)
  await inParallel(
    Array.from({ length: 16 }, (_, index) => index),
    (index) => c.ok('run', '--rm', '-v', '/anonymous', 'busybox', 'sh', '-c', `exit 0; ${index}`),
  )
  await expectTraces(before)
  expect(await c.ok('volume', 'ls', '-q')).toBe('')
})

/** Open descriptors of the engine. */
async function descriptors(): Promise<number> {
  return Number(await c.ok('info', '-f', '{{.NFd}}'))
}

const ROUNDS = 3

/** What of the execs runs. */
function programs(top: string): { cats: number; sleeps: number } {
  const count = (pattern: RegExp) => top.match(pattern)?.length ?? 0
  return { cats: count(/ cat$/gm), sleeps: count(/ sleep 100000$/gm) }
}

test('clients that vanish in the middle of a stream leave nothing open', async () => {
  await c.ok('run', '-d', '--name', 'source', 'busybox', 'sh', '-c', 'while :; do echo tick; sleep 0.2; done')
  await c.ok('exec', 'source', 'true')
  await sleep(1000)
  const before = await descriptors()
  const streams = [
    ['logs', '-f', 'source'],
    ['attach', '--no-stdin', 'source'],
    ['events'],
    ['stats', 'source'],
    ['exec', '-i', 'source', 'cat'],
    ['exec', 'source', 'sleep', '100000'],
    ['wait', 'source'],
  ]
  for (let round = 1; round <= ROUNDS; round++) {
    const clients = streams.map((args) =>
      spawn(c.cli, args, { env: { ...process.env, ...c.env }, stdio: ['pipe', 'ignore', 'ignore'] }),
    )
    // In the middle: the last of them runs its program by now.
    await expect
      .poll(async () => programs(await c.ok('top', 'source')), { timeout: 60_000 })
      .toEqual({ cats: 1, sleeps: round })
    await Promise.all(
      clients.map((client) => {
        client.kill('SIGKILL')
        return once(client, 'close')
      }),
    )
    // The programs of an exec go on without their client, as in Docker; `cat` has seen the end of its input.
    await expect.poll(async () => programs(await c.ok('top', 'source')).cats, { timeout: 60_000 }).toBe(0)
  }
  await expect
    .poll(async () => programs(await c.ok('top', 'source')), { timeout: 60_000 })
    .toEqual({
      cats: 0,
      sleeps: ROUNDS,
    })
  await c.ok('exec', 'source', 'killall', 'sleep')
  // What leaked would be there ROUNDS times; connections of the app and of this question come and go.
  await expect.poll(descriptors, { timeout: 60_000, interval: 1000 }).toBeLessThan(before + ROUNDS)
  await c.clean('source')
})

test('kill -9 of a monitor ends its container alone, and says so', async () => {
  await c.ok('run', '-d', '--name', 'doomed', 'busybox', 'sleep', '100000')
  await c.ok('run', '-d', '--name', 'neighbour', 'busybox', 'sleep', '100000')
  const id = await c.ok('inspect', '-f', '{{.Id}}', 'doomed')
  await inMachine(
    `for p in $(grep -ls ${id} /proc/[0-9]*/cmdline | cut -d/ -f3); do read -r name </proc/$p/comm; [ "$name" = conmon ] && kill -9 $p; done; true`,
  )
  expect(await c.ok('wait', 'doomed')).toBe('137')
  expect(await c.ok('inspect', '-f', '{{.State.Status}}', 'doomed', 'neighbour')).toBe('exited\nrunning')
  expect(await c.ok('exec', 'neighbour', 'echo', 'here')).toBe('here')
  await c.clean('doomed', 'neighbour')
})

test('an engine with nothing to do sleeps', async () => {
  await c.ok('run', '-d', '--name', 'idle', 'busybox', 'sleep', '100000')
  await c.ok('logs', 'idle')
  await sleep(5000)
  const switches =
    'grep -h ctxt_switches /proc/$(cat /run/slipway/agent.pid)/task/*/status | awk "{sum += \\$2} END {print sum}"'
  const counts = (await inMachine(`${switches}; sleep 10; ${switches}; sleep 10; ${switches}`))
    .split('\n')
    .map(Number)
  const [first = 0, second = 0, third = 0] = counts
  expect(first).toBeGreaterThan(0)
  // Checks of the clock, the forwards and the firewall may fall into one of these windows; a poll would fill both.
  expect(Math.min(second - first, third - second)).toBeLessThan(60)
  await c.clean('idle')
})

/** Real processes; run with `node --experimental-ffi --test`. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { LibcKernel } from './libc.ts'
import { type PipedOptions, spawnPiped } from './pipe-stream.ts'

const kernel = new LibcKernel()
const env = { PATH: '/usr/bin:/bin' }

/** What a shell script writes, and how it ended. */
async function shell(script: string, options: Partial<PipedOptions> = {}) {
  const { child, ends } = spawnPiped(kernel, {
    program: '/bin/sh',
    args: ['-c', script],
    env,
    stdio: ['reads', 'writes', 'null'],
    ...options,
  })
  ends[0]?.end('typed\n')
  const [written, exit] = await Promise.all([text(ends[1] as Readable), child.exit])
  return { written, exit, pid: child.pid }
}

test('hands over arguments, environment, folder and descriptors', async () => {
  const { written, exit } = await shell(
    'read line; echo "$NAME $PWD $line"; ls /proc/self/fd | wc -l; exit 7',
    {
      env: { ...env, NAME: 'é x' },
      cwd: '/usr',
    },
  )
  // 0 to 2, and the folder that ls reads.
  assert.equal(written, 'é x /usr typed\n4\n')
  assert.deepEqual(exit, { code: 7 })
})

test('output that nobody reads in time is kept, and so is its end', async () => {
  for (const script of ['echo kept', 'true']) {
    const { child, ends } = spawnPiped(kernel, {
      program: '/bin/sh',
      args: ['-c', script],
      env,
      stdio: ['null', 'writes', 'writes'],
    })
    await child.exit
    await sleep(50)
    const [, stdout, stderr] = ends.map((end) => end && text(end))
    assert.deepEqual([await stdout, await stderr], [script === 'true' ? '' : 'kept\n', ''])
  }
})

test('a program that is not there fails at once and leaks nothing', () => {
  const before = readdirSync('/proc/self/fd').length
  assert.throws(() => kernel.spawn({ program: '/none', args: [], env, stdio: ['null'] }), {
    kind: 'not_found',
    message: 'posix_spawn /none: ENOENT',
  })
  assert.equal(readdirSync('/proc/self/fd').length, before)
})

test('children start with no signal ignored or blocked', async () => {
  const { written } = await shell('exec cat /proc/self/status')
  assert.match(written, /^SigBlk:\s0+$/m)
  assert.match(written, /^SigIgn:\s0+$/m)
})

test('a session of its own', async () => {
  const { written, pid } = await shell('exec cat /proc/self/stat', { session: true })
  assert.equal(written.split(' ')[5], `${pid}`)
})

test('a signal ends it, and then there is nobody to signal', async () => {
  const child = kernel.spawn({ program: '/bin/sleep', args: ['1000'], env, stdio: ['null', 'null', 'null'] })
  const alive = setInterval(() => undefined, 1000)
  assert.equal(child.kill('SIGKILL'), true)
  assert.deepEqual(await child.exit, { code: 137, signal: 9 })
  clearInterval(alive)
  assert.equal(child.kill('SIGKILL'), false)
})

test('many that end at once are all told, beside those of Node itself', async () => {
  const alive = setInterval(() => undefined, 1000)
  const children = Array.from({ length: 40 }, (_, n) =>
    kernel.spawn({
      program: '/bin/sh',
      args: ['-c', `exit ${n}`],
      env,
      stdio: ['null', 'null', 'null'],
    }),
  )
  execFileSync('/bin/true')
  const exits = await Promise.all(children.map(({ exit }) => exit))
  clearInterval(alive)
  assert.deepEqual(
    exits.map(({ code }) => code),
    children.map((_, n) => n),
  )
  const zombies = () => children.filter(({ pid }) => readdirSync('/proc').includes(`${pid}`))
  for (let turn = 0; turn < 500 && zombies().length > 0; turn++) await sleep(20)
  assert.deepEqual(zombies(), [])
})

test('descriptors that would overwrite one another are refused', () => {
  assert.throws(
    () => kernel.spawn({ program: '/bin/true', args: [], env, stdio: ['null', 'null', 'null', 1] }),
    { message: /descriptor 1 is in the way/ },
  )
})

import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { execute } from '../fixtures/debian.ts'
import { type Context, context } from './context.ts'

const BIG = 1 << 30
/** Most that the engine may have resident, whatever goes through it. */
const LIMIT_MIB = 150

let c: Context
let folder: string
const file = (name: string) => join(folder, name)
beforeAll(async () => {
  c = await context()
  folder = await mkdtemp(join(tmpdir(), 'sw-large-'))
  await c.ok('pull', '-q', 'busybox')
})
afterAll(async () => {
  await c.clean('big', 'target')
  await c.docker('rmi', '-f', 'large/committed', 'large/imported', 'large/built')
  await rm(folder, { recursive: true, force: true })
})

const peaks: Record<string, number> = {}

/** The most memory that the engine has resident while `work` is done, in MiB (proc(5): clear_refs, VmHWM). */
async function watched(name: string, work: () => Promise<unknown>): Promise<void> {
  const agent = '/proc/$(cat /run/slipway/agent.pid)'
  await c.slipway('ssh', `echo 5 >${agent}/clear_refs`)
  const started = performance.now()
  await work()
  const { stdout } = await c.slipway('ssh', `grep VmHWM ${agent}/status`)
  peaks[name] = Math.round(Number(/(\d+) kB/.exec(stdout)?.[1]) / 1024)
  const seconds = Math.round((performance.now() - started) / 1000)
  console.info(`${name}: the engine has at most ${peaks[name]} MiB resident (${seconds} s)`)
}

/** docker, which must succeed, however long it takes. */
async function long(...args: string[]): Promise<void> {
  const env = { DOCKER_BUILDKIT: '0' }
  const result = await c.dockerWith({ env, timeout: 900_000 }, ...args)
  expect(result, args.join(' ')).toMatchObject({ code: 0 })
}

test('a gigabyte through commit, save, load, cp, export, import and build leaves the engine’s memory flat', async () => {
  const make = `dd if=/dev/zero of=/big bs=1M count=${BIG >> 20} 2>/dev/null && echo end >>/big`
  await long('run', '--name', 'big', 'busybox', 'sh', '-c', make)
  await watched('commit', () => long('commit', 'big', 'large/committed'))
  await watched('save', () => c.piped(['save', 'large/committed'], { output: file('saved') }))
  expect((await stat(file('saved'))).size).toBeGreaterThan(BIG)
  await c.ok('rmi', 'large/committed')
  await watched('load', () => c.piped(['load'], { input: file('saved') }))
  await rm(file('saved'))
  expect(await c.ok('run', '--rm', 'large/committed', 'tail', '-c', '4', '/big')).toBe('end')
  await c.ok('rmi', 'large/committed')

  await watched('cp out', () => c.piped(['cp', 'big:/big', '-'], { output: file('copied') }))
  await mkdir(file('context'))
  await execute('tar', ['-xf', file('copied'), '-C', file('context')])
  await rm(file('copied'))
  expect((await stat(file('context/big'))).size).toBe(BIG + 4)
  await c.ok('run', '-d', '--name', 'target', 'busybox', 'sleep', '10000')
  await watched('cp in', () => long('cp', file('context/big'), 'target:/copied'))
  expect(await c.ok('exec', 'target', 'tail', '-c', '4', '/copied')).toBe('end')
  await c.clean('target')

  await watched('export', () => c.piped(['export', 'big'], { output: file('exported') }))
  await c.clean('big')
  await watched('import', () => c.piped(['import', '-', 'large/imported'], { input: file('exported') }))
  await rm(file('exported'))
  expect(await c.ok('run', '--rm', 'large/imported', 'tail', '-c', '4', '/big')).toBe('end')
  await c.ok('rmi', 'large/imported')

  await writeFile(file('context/Dockerfile'), 'FROM busybox\nCOPY big /big\n')
  await watched('build', () => long('build', '-q', '-t', 'large/built', file('context')))
  expect(await c.ok('run', '--rm', 'large/built', 'tail', '-c', '4', '/big')).toBe('end')
  expect(Object.entries(peaks).filter(([, peak]) => peak >= LIMIT_MIB)).toEqual([])
}, 3_600_000)

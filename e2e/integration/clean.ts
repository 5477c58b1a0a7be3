import { afterEach, beforeAll, beforeEach } from 'vitest'
import { deathOf, panicsBefore } from '../fixtures/death.ts'
import { type Context, context } from './context.ts'

/** The files share one machine: what one left, most of all after a failure, is not the next one's. Images stay. */
beforeAll(async () => {
  const c = await context()
  await clean(c).catch(async (cause: unknown) => {
    const death = await deathOf(c)
    throw death ? new Error(death, { cause }) : cause
  })
})

async function clean(c: Context): Promise<void> {
  const containers = await c.ok('ps', '-aq')
  if (containers !== '') await c.ok('rm', '-f', '-v', ...containers.split('\n'))
  const volumes = await c.ok('volume', 'ls', '-q')
  if (volumes !== '') await c.ok('volume', 'rm', '-f', ...volumes.split('\n'))
  await c.ok('network', 'prune', '-f')
}

let before = 0
beforeEach(async () => {
  before = await panicsBefore(await context())
})

/** Or else a machine that died looks like a flaw of whatever test met it first. */
afterEach(async ({ task }) => {
  if (task.result?.state !== 'fail') return
  const death = await deathOf(await context(), before)
  if (death) throw new Error(death)
})

import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeAll, beforeEach } from 'vitest'
import { deathOf, panicsBefore } from '../fixtures/death.ts'
import { ask } from '../fixtures/engine-socket.ts'
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

interface There {
  containers: Set<string>
  networks: Set<string>
}

/** Ids of what there is; undefined where nobody answers. */
async function there({ home }: Context): Promise<There | undefined> {
  const ids = async (path: string) => {
    const { text } = await ask(join(home, 'docker.sock'), 'GET', path)
    return new Set((JSON.parse(text) as { Id: string }[]).map(({ Id }) => Id))
  }
  const all = async () => {
    const [containers, networks] = await Promise.all([ids('/containers/json?all=1'), ids('/networks')])
    return { containers, networks }
  }
  return await Promise.race([all().catch(() => undefined), sleep(20_000, undefined, { ref: false })])
}

let before = 0
let known: There | undefined
beforeEach(async () => {
  const c = await context()
  before = await panicsBefore(c)
  known = await there(c)
})

/** What a failed try has made would be in the way of the next one, which uses the same names. */
async function undo(c: Context): Promise<void> {
  const now = known && (await there(c))
  if (!now || !known) return
  const { containers, networks } = known
  const made = [...now.containers].filter((id) => !containers.has(id))
  if (made.length > 0) await c.docker('rm', '-f', '-v', ...made)
  const links = [...now.networks].filter((id) => !networks.has(id))
  if (links.length > 0) await c.docker('network', 'rm', ...links)
}

/** Or else a machine that died looks like a flaw of whatever test met it first. */
afterEach(async ({ task }) => {
  if (task.result?.state !== 'fail') return
  const c = await context()
  const death = await deathOf(c, before)
  await undo(c)
  if (death) throw new Error(death)
})

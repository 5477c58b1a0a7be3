import { beforeAll } from 'vitest'
import { context } from './context.ts'

/** The files share one machine: what one left, most of all after a failure, is not the next one's. Images stay. */
beforeAll(async () => {
  const c = await context()
  const containers = await c.ok('ps', '-aq')
  if (containers !== '') await c.ok('rm', '-f', '-v', ...containers.split('\n'))
  const volumes = await c.ok('volume', 'ls', '-q')
  if (volumes !== '') await c.ok('volume', 'rm', '-f', ...volumes.split('\n'))
  await c.ok('network', 'prune', '-f')
})

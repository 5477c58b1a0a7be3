import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest'
import type { EventMessage } from '../../api/system.ts'
import { EventBus } from '../events.ts'
import { Volumes } from './service.ts'

let root: string
let events: EventBus
let volumes: Volumes
let seen: string[]
const abort = new AbortController()

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'volumes-'))
  events = new EventBus()
  seen = []
  volumes = new Volumes({
    root,
    kernel: { mount: () => undefined, unmount: () => undefined },
    events,
    users: () => [],
    folders: { locate: async (path) => ({ path: `/mapped${path}`, exists: true }) },
  })
  void collect(events.subscribe({ signal: abort.signal }))
})
afterEach(async () => {
  await rm(root, { recursive: true })
})

afterAll(() => abort.abort())

async function collect(source: AsyncIterable<EventMessage>): Promise<void> {
  for await (const { Action, Actor } of source)
    seen.push(`${Action} ${Actor.ID} ${Actor.Attributes['container'] ?? ''}`)
}

test('create answers the volume that is there, whatever the options', async () => {
  const made = await volumes.create({ Name: 'data', Labels: { a: 'b' } })
  const DriverOpts = { type: 'tmpfs', device: 'tmpfs' }
  expect(await volumes.create({ Name: 'data', DriverOpts })).toEqual(made)
})

test.each([
  ['a', 'create a: volume name is too short, names should be at least two alphanumeric characters'],
  ['a/b', 'create a/b: "a/b" includes invalid characters for a local volume name'],
])('the name %s is refused in Docker’s words', async (Name, message) => {
  await expect(volumes.create({ Name })).rejects.toThrow(message)
})

test('an odd value of dangling is refused', async () => {
  await expect(volumes.list({ dangling: ['maybe'] })).rejects.toThrow("invalid filter 'dangling=[maybe]'")
})

test('tells of mounts in containers, and of nothing that only looks', async () => {
  await volumes.create({ Name: 'data' })
  const at = { destination: '/d', propagation: '', writable: true }
  await volumes.acquire('data', 'web', at)
  await volumes.acquire('data', 'looker')
  await volumes.release('data', 'looker')
  await volumes.release('data', 'web')
  await volumes.release('data', 'web')
  await expect.poll(() => seen).toEqual(['create data ', 'mount data web', 'unmount data web'])
})

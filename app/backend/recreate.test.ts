import { expect, test } from 'vitest'
import type { ContainerInspect } from '../../vm/api/containers.ts'
import { EngineError } from '../../vm/api/errors.ts'
import type { EngineClient } from '../engine/client.ts'
import { mergeConfiguration, recreate } from './recreate.ts'

const ID = 'abcdef0123456789'
const old = {
  Id: ID,
  Name: '/web',
  State: { Running: true },
  Config: {
    Hostname: ID.slice(0, 12),
    Image: 'nginx',
    Env: ['A=1'],
    Cmd: ['run'],
    Labels: { keep: 'me' },
  },
  HostConfig: { Binds: ['/src:/app'], Memory: 1024, NetworkMode: 'front' },
  Mounts: [
    { Type: 'bind', Source: '/src', Destination: '/app', RW: true },
    { Type: 'volume', Name: 'anon', Source: '', Destination: '/var/lib/data', RW: true },
  ],
  NetworkSettings: {
    Networks: {
      front: { Aliases: ['www', ID.slice(0, 12)], IPAMConfig: { IPv4Address: '172.20.0.9' }, NetworkID: 'n' },
    },
  },
} as unknown as ContainerInspect

test('changes are laid over everything that was asked of the old one, its anonymous volumes included', () => {
  const body = mergeConfiguration(old, { Env: ['A=2'], HostConfig: { Memory: 2048 } })
  expect(body).toMatchObject({
    Image: 'nginx',
    Env: ['A=2'],
    Cmd: ['run'],
    Labels: { keep: 'me' },
    HostConfig: { Memory: 2048, NetworkMode: 'front', Binds: ['/src:/app', 'anon:/var/lib/data'] },
    NetworkingConfig: {
      EndpointsConfig: { front: { Aliases: ['www'], IPAMConfig: { IPv4Address: '172.20.0.9' } } },
    },
  })
  expect(body.Hostname).toBeUndefined()
  expect(mergeConfiguration(old, { HostConfig: { Binds: [] } }).HostConfig?.Binds).toEqual([])
})

/** The calls of an engine whose `broken` one fails. */
function engine(broken?: string): { client: EngineClient; calls: string[] } {
  const calls: string[] = []
  const call = (name: string) => async (id: string) => {
    const text = `${name} ${id.slice(0, 6)}`
    calls.push(text)
    if (text === broken) throw new EngineError('internal', 'broken')
  }
  const client = {
    containers: {
      inspect: async () => old,
      create: async (name: string) => {
        await call('create')(name)
        return { Id: 'new000', Warnings: [] }
      },
      remove: call('remove'),
    },
    lifecycle: {
      start: call('start'),
      stop: call('stop'),
      rename: async (id: string, name: string) => call(name === 'web' ? 'rename back' : 'rename')(id),
    },
  }
  return { client: client as unknown as EngineClient, calls }
}

test('the old one goes last', async () => {
  const { client, calls } = engine()
  expect(await recreate(client, 'web', {})).toEqual({ Id: 'new000' })
  expect(calls).toEqual(['stop abcdef', 'rename abcdef', 'create web', 'start new000', 'remove abcdef'])
})

test.each([
  ['rename abcdef', ['start abcdef']],
  ['create web', ['rename back abcdef', 'start abcdef']],
  ['start new000', ['remove new000', 'rename back abcdef', 'start abcdef']],
])('when "%s" fails, everything is undone in reverse and the failure is told', async (broken, undone) => {
  const { client, calls } = engine(broken)
  await expect(recreate(client, 'web', {})).rejects.toThrow('broken')
  expect(calls.slice(calls.indexOf(broken) + 1)).toEqual(undone)
})

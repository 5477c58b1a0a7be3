import { expect, test } from 'vitest'
import type { ContainerSummary } from '../vm/api/containers.ts'
import type { NetworkInspect } from '../vm/api/networks.ts'
import { withMembers } from './queries.ts'

test('networks know their members from the containers', () => {
  const networks = [{ Name: 'bridge' }, { Name: 'back' }] as NetworkInspect[]
  const running = [
    {
      Id: 'c1',
      Names: ['/web'],
      NetworkSettings: { Networks: { back: { IPAddress: '172.18.0.2', IPPrefixLen: 16 } } },
    },
  ] as unknown as ContainerSummary[]
  const [bridge, back] = withMembers(networks, running)
  expect(bridge?.Containers).toEqual({})
  expect(back?.Containers).toMatchObject({ c1: { Name: 'web', IPv4Address: '172.18.0.2/16' } })
})

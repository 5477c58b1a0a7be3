import * as v from 'valibot'
import { expect, test } from 'vitest'
import type { Context } from '../router.ts'
import { networkRoutes } from './networks.ts'

test('null stands for what a client leaves out, down to the addresses', async () => {
  const given: unknown[] = []
  const keep = async (request: unknown) => {
    given.push(request)
    return { Id: 'n', Warning: '' }
  }
  const routes = networkRoutes(
    { create: keep } as unknown as Parameters<typeof networkRoutes>[0],
    { connectNetwork: async (...args: unknown[]) => void given.push(args) } as unknown as Parameters<
      typeof networkRoutes
    >[1],
  )
  const send = (path: string, body: unknown) =>
    routes
      .find((route) => route.path === path)
      ?.handler({
        param: () => 'mine',
        json: async (schema: v.GenericSchema) => v.parse(schema, body),
        send: () => undefined,
        empty: () => undefined,
      } as unknown as Context)
  // As docker-py writes it.
  const pool = { Subnet: '10.77.0.0/24', IPRange: null, Gateway: '10.77.0.1', AuxiliaryAddresses: null }
  await send('/networks/create', { Name: 'mine', IPAM: { Driver: 'default', Config: [pool] } })
  await send('/networks/{id}/connect', {
    Container: 'web',
    EndpointConfig: { IPAMConfig: { IPv4Address: '10.77.0.9', IPv6Address: null }, Aliases: null },
  })
  expect(given).toMatchObject([
    { Name: 'mine', IPAM: { Config: [{ Subnet: '10.77.0.0/24', Gateway: '10.77.0.1' }] } },
    ['web', 'mine', { IPAMConfig: { IPv4Address: '10.77.0.9' } }],
  ])
  expect(JSON.stringify(given)).not.toContain('IPRange')
})

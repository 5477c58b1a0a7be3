import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import type { PublishedPort } from '../../vm/api/slipway.ts'
import type { PortRoute } from '../contract.ts'
import type { Parts } from './parts.ts'
import { joinRoutes, portMethods } from './ports.ts'

const port = (hostIp: string, hostPort: number): PublishedPort => ({
  hostIp,
  hostPort,
  containerPort: 80,
  protocol: 'tcp',
})
const route = (hostIp: string, hostPort: number, error?: string): PortRoute => ({
  port: port(hostIp, hostPort),
  model: 'direct',
  hops: [
    { label: 'host', address: hostIp, port: hostPort },
    { label: 'container', address: '172.17.0.2', port: 80 },
  ],
  state: error ? { listening: false, error } : { listening: true },
})

test('both families of one port are one route; a failure of either is shown', () => {
  const listeners = [route('127.0.0.1', 8080), route('::1', 8080)]
  expect(joinRoutes([port('', 8080)], listeners, 'direct')).toEqual([
    { ...route('127.0.0.1', 8080), port: port('', 8080) },
  ])
  const broken = [route('127.0.0.1', 8080), route('::1', 8080, 'taken')]
  expect(joinRoutes([port('', 8080)], broken, 'direct')[0]?.state).toEqual({
    listening: false,
    error: 'taken',
  })
})

test('a port of a container that does not run is there, not listening', () => {
  const [only] = joinRoutes([port('127.0.0.1', 9000)], [route('127.0.0.1', 8080)], 'double')
  expect(only).toMatchObject({ port: port('127.0.0.1', 9000), state: { listening: false } })
})

test('a program that resets its first callers is waited for', async () => {
  let calls = 0
  const server = createServer((request, response) => {
    if (++calls < 3) request.socket.destroy()
    else response.writeHead(404).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port: number } = server.address() as AddressInfo
  const methods = portMethods({} as Parts)
  const { signal } = new AbortController()
  expect(await methods['ports.answers']([number], { signal })).toBe(true)
  expect(calls).toBe(3)
  server.closeAllConnections()
  server.close()
})

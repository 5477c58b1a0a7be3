import { expect, test } from 'vitest'
import type { PublishedPort } from '../../api/slipway.ts'
import { refuseTwice } from './forwards.ts'

function port(hostIp: string, hostPort: number, containerPort = 80): PublishedPort {
  return { protocol: 'tcp', hostIp, hostPort, containerPort }
}

test.each([
  [port('', 8080), port('', 8080, 81), '0.0.0.0:8080', '8080:80/tcp and 8080:81/tcp'],
  [port('', 8080), port('127.0.0.1', 8080), '127.0.0.1:8080', '8080:80/tcp and 127.0.0.1:8080:80/tcp'],
  [port('0.0.0.0', 80), port('127.0.0.1', 80), '127.0.0.1:80', '0.0.0.0:80:80/tcp and 127.0.0.1:80:80/tcp'],
  [port('::1', 80), port('::', 80, 81), '[::]:80', '[::1]:80:80/tcp and [::]:80:81/tcp'],
  [port('::1', 80), port('0:0::1', 80), '[0:0::1]:80', '[::1]:80:80/tcp and [0:0::1]:80:80/tcp'],
])('%j and %j exclude each other, and both are named', (a, b, bind, both) => {
  expect(() => refuseTwice([port('', 1), a, b])).toThrow(
    `Bind for ${bind} failed: port is already allocated (asked for twice: ${both})`,
  )
})

test('what one container may publish together', () => {
  const both = [port('127.0.0.1', 8080), port('::1', 8080)]
  const families = [port('0.0.0.0', 81), port('::', 81)]
  const free = [port('', 0), port('', 0, 81), { ...port('', 90), hostPortEnd: 99 }, port('', 90, 91)]
  const udp: PublishedPort = { ...port('', 8080), protocol: 'udp' }
  expect(() => refuseTwice([...both, ...families, ...free, udp])).not.toThrow()
})

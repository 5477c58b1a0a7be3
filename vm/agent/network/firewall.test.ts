import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { rulesetText } from './firewall.ts'
import { normalizePorts, satisfies, toForward, VmPorts, withModel } from './forwards.ts'
import { resolvConfText } from './resolv-conf.ts'

test('one transaction holds rules and elements', () => {
  const text = rulesetText(
    [
      { name: 'docker0', internal: false, masquerade: true },
      { name: 'br-1', internal: true, masquerade: true },
    ],
    [{ protocol: 'tcp', port: 8080, containerIp: '172.17.0.2', containerPort: 80 }],
  )
  const elements = text.split('\n').filter((line) => line.startsWith('add element'))
  expect(elements).toEqual([
    'add element inet slipway bridges { "docker0" }',
    'add element inet slipway same { "docker0" . "docker0" }',
    'add element inet slipway masq { "docker0" }',
    'add element inet slipway bridges { "br-1" }',
    'add element inet slipway same { "br-1" . "br-1" }',
    'add element inet slipway internal { "br-1" }',
    'add element inet slipway publish { tcp . 8080 : 172.17.0.2 . 80 }',
  ])
  expect(text.indexOf('flush map inet slipway publish')).toBeLessThan(text.indexOf('add element'))
})

const port = (hostIp: string, hostPort: number) => ({
  containerPort: 80,
  protocol: 'tcp' as const,
  hostIp,
  hostPort,
})

test('both loopbacks of one port are read back as the one request they came from', () => {
  expect(normalizePorts([port('127.0.0.1', 80), port('::1', 80), port('127.0.0.1', 81)])).toEqual([
    port('', 80),
    port('127.0.0.1', 81),
  ])
})

test('a port that was given out satisfies the request for its number', () => {
  const made = { port: port('', 0), forward: { ...toForward(port('', 0), '172.17.0.2'), hostPort: 40000 } }
  expect(satisfies(made, port('', 0))).toBe(true)
  expect(satisfies(made, port('', 40000))).toBe(true)
  expect(satisfies(made, port('', 40001))).toBe(false)
  expect(satisfies(made, port('0.0.0.0', 40000))).toBe(false)
})

test('inside the VM a number is given once, and never sshd’s', () => {
  const via = (hostPort: number, ports: VmPorts) =>
    withModel(toForward(port('', hostPort), '172.17.0.2'), 'double', ports).via?.port
  const ports = new VmPorts([])
  expect([via(8080, ports), via(8080, ports), via(22, ports), via(0, ports)]).toEqual([
    0, 49153, 49154, 49155,
  ])
  expect(withModel(toForward(port('', 80), 'fd00::2'), 'double', ports).via).toBeUndefined()
})

test('resolv.conf: what the user asked for wins part by part', () => {
  const vm = { servers: ['10.0.2.3'], search: ['lan'], options: [] }
  const none = { servers: [], search: [], options: [] }
  expect(resolvConfText(vm, none, false)).toBe('nameserver 10.0.2.3\nsearch lan\n')
  expect(resolvConfText(vm, { servers: ['1.1.1.1'], search: ['.'], options: ['ndots:2'] }, true)).toBe(
    'nameserver 127.0.0.11\noptions ndots:2\n',
  )
})

test('the chains that the boot script adds ahead of the engine are the engine’s, all of them', async () => {
  const chains = (text: string) => text.split('\n').filter((line) => line.startsWith('add chain'))
  const path = new URL('../../image/rootfs/usr/lib/slipway/early.nft', import.meta.url)
  const early = chains(await readFile(path, 'utf8'))
  expect(early).toEqual(chains(rulesetText([], [])).filter((line) => line.includes(' hook ')))
  expect(early.length).toBeGreaterThan(0)
})

import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { EngineConfig } from '../../api/slipway.ts'
import { EventBus } from '../events.ts'
import type { Firewall } from './firewall.ts'
import { HostLink } from './host-link.ts'
import type { Links } from './links.ts'
import { Networks } from './service.ts'

/** A kernel on which everything succeeds. */
const links: Links = {
  ensureBridge: () => undefined,
  removeBridge: () => undefined,
  plug: () => undefined,
  unplug: () => undefined,
  reroute: () => undefined,
  route: () => undefined,
  routes: () => [],
}
const firewall: Firewall = {
  load: async () => undefined,
  addBridge: () => undefined,
  removeBridge: () => undefined,
  isIntact: () => true,
  publish: () => undefined,
}

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'networks-'))
  await writeFile(join(folder, 'resolv.conf'), 'nameserver 10.0.2.3\n')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const agent = () =>
  new Networks({
    root: join(folder, 'networks'),
    runDir: folder,
    hostLink: new HostLink(),
    events: new EventBus(),
    config: { portModel: 'direct' } as EngineConfig,
    links,
    firewall,
    resolvConfPath: join(folder, 'resolv.conf'),
  })
const container = (containerId: string) => ({
  containerId,
  containerName: containerId,
  hostname: containerId,
  netns: `/run/${containerId}`,
  networks: { bridge: {} },
})

test('an agent that died in the middle of a start leaves no address, member or published port', async () => {
  {
    using died = agent()
    await died.attach(container('runs'))
    await died.attach(container('starting'))
    const port = { containerPort: 80, protocol: 'tcp', hostIp: '', hostPort: 8080 } as const
    await died.publish('starting', 'starting', '172.17.0.3', [port], { deferred: true })
    expect(await readdir(join(folder, 'ports'))).toEqual(['starting.json'])
  }
  using again = agent()
  await again.keepOnly(new Set(['runs']))
  expect(again.published('starting')).toEqual([])
  expect(again.endpoints('starting')).toBeUndefined()
  expect(again.endpoints('runs')?.['bridge']?.IPAddress).toBe('172.17.0.2')
  expect(Object.keys((await again.inspect('bridge')).Containers)).toEqual(['runs'])
  expect(await readdir(join(folder, 'endpoints'))).toEqual(['runs.json'])
  expect(await readdir(join(folder, 'ports'))).toEqual([])
})

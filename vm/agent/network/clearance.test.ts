import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { formatPrefix, type Prefix, parsePrefix } from './address.ts'
import { Catalog } from './catalog.ts'
import { Clearance, defaultPrefix } from './clearance.ts'
import { type NetworkRecord, RecordFolder } from './record.ts'

function prefix(text: string): Prefix {
  const parsed = parsePrefix(text)
  if (!parsed) throw new Error(text)
  return parsed.prefix
}

test.each([
  ['172.17.0.0/16', [], '172.17.0.0/16'],
  ['172.17.0.0/16', ['172.17.4.0/24'], '172.18.0.0/16'],
  ['172.17.0.0/16', ['172.16.0.0/12'], '192.168.0.0/20'],
  ['172.19.0.0/16', ['172.17.0.0/16'], '172.19.0.0/16'],
  ['172.19.0.0/16', ['10.8.0.0/16'], '172.17.0.0/16'],
  ['172.17.0.0/16', ['172.16.0.0/12', '192.168.0.0/16'], '172.17.0.0/16'],
])('from %s with routes to %j the default bridge goes to %s', (current, taken, expected) => {
  expect(formatPrefix(defaultPrefix(prefix(current), taken.map(prefix)))).toBe(expected)
})

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'clearance-'))
})
afterEach(() => rm(folder, { recursive: true }))

async function setup() {
  const catalog = new Catalog(new RecordFolder<NetworkRecord>(folder, { durable: false }))
  await catalog.load(
    () => Math.random().toString(16).slice(2),
    () => undefined,
  )
  const host = { connected: true, list: [] as string[], routes: () => Promise.resolve(host.list) }
  const seen = { inUse: false, rebuilt: [] as string[], logged: [] as string[] }
  const clearance = new Clearance({
    catalog,
    hostLink: host,
    ownRoutes: () => [prefix('10.0.2.0/24')],
    inUse: () => seen.inUse,
    rebuild: ({ ipam }) => seen.rebuilt.push(ipam[0]?.Subnet ?? ''),
    log: (message) => seen.logged.push(message),
  })
  return { catalog, host, seen, clearance }
}

test('a VPN over the default bridge: it moves, says so, is kept on disk, and comes back afterwards', async () => {
  const { catalog, host, seen, clearance } = await setup()
  host.list = ['172.17.0.0/16', '10.0.2.0/24']
  await clearance.follow()
  expect(catalog.find('bridge').ipam).toEqual([{ Subnet: '172.18.0.0/16', Gateway: '172.18.0.1' }])
  expect(seen.logged).toEqual([
    expect.stringMatching(/moved from 172\.17\.0\.0\/16 to 172\.18\.0\.0\/16: .*route to 172\.17\.0\.0\/16/),
  ])
  const again = new Catalog(new RecordFolder<NetworkRecord>(folder, { durable: false }))
  await again.load(
    () => 'x',
    () => undefined,
  )
  expect(again.find('bridge').ipam[0]?.Subnet).toBe('172.18.0.0/16')
  host.list = []
  await clearance.follow()
  expect(seen.rebuilt).toEqual(['172.18.0.0/16', '172.17.0.0/16'])
})

test('under running containers it stays, and the warning says what they cannot reach, once in the log', async () => {
  const { host, seen, clearance } = await setup()
  host.list = ['172.17.3.0/24']
  seen.inUse = true
  await clearance.follow()
  await clearance.follow()
  const warning = expect.stringMatching(/network bridge: 172\.17\.0\.0\/16 overlaps 172\.17\.3\.0\/24/)
  expect([seen.rebuilt, seen.logged, clearance.warnings()]).toEqual([[], [warning], [warning]])
  seen.inUse = false
  await clearance.follow()
  expect([seen.rebuilt, clearance.warnings()]).toEqual([['172.18.0.0/16'], []])
})

import { expect, test } from 'vitest'
import type { ContainerSummary } from '../../../vm/api/containers.ts'
import {
  causeOf,
  containerRows,
  exitCode,
  hasFailed,
  healthOf,
  portChips,
  shortCause,
  type ViewOptions,
} from './containers-view.ts'

function container(name: string, part: Partial<ContainerSummary> = {}, project = ''): ContainerSummary {
  return {
    Id: name.padEnd(64, '0'),
    Names: [`/${name}`],
    Image: 'busybox',
    ImageID: 'sha256:0',
    Command: 'sh',
    Created: 0,
    Ports: [],
    Labels: project
      ? { 'com.docker.compose.project': project, 'com.docker.compose.service': name.split('-')[1] ?? '' }
      : {},
    State: 'running',
    Status: 'Up 2 minutes',
    HostConfig: { NetworkMode: 'bridge' },
    NetworkSettings: { Networks: {} },
    Mounts: [],
    ...part,
  }
}
const options = (part: Partial<ViewOptions> = {}): ViewOptions => ({
  filter: 'all',
  query: '',
  sort: { by: 'name', descending: false },
  collapsed: new Set(),
  sample: () => undefined,
  ...part,
})
const show = (containers: ContainerSummary[], part?: Partial<ViewOptions>) =>
  containerRows(containers, options(part)).map((row) =>
    row.kind === 'group' ? `[${row.project}]` : row.container.Names[0]?.slice(1),
  )

const all = [
  container('web10', { State: 'exited', Status: 'Exited (1) 2 minutes ago' }),
  container('web2', {
    Created: 5,
    Image: 'nginx',
    Ports: [{ PrivatePort: 80, PublicPort: 8080, Type: 'tcp', IP: '0.0.0.0' }],
  }),
  container('shop-db-1', {}, 'shop'),
  container('shop-api-1', {}, 'shop'),
]

test('groups come first, names sort as people count', () => {
  expect(show(all)).toEqual(['[shop]', 'shop-api-1', 'shop-db-1', 'web2', 'web10'])
  expect(show(all, { collapsed: new Set(['shop']) })).toEqual(['[shop]', 'web2', 'web10'])
})

test('filters and search; a search opens collapsed groups', () => {
  expect(show(all, { filter: 'stopped' })).toEqual(['web10'])
  expect(show(all, { query: 'SHOP db', collapsed: new Set(['shop']) })).toEqual(['[shop]', 'shop-db-1'])
  expect(show(all, { query: '8080' })).toEqual(['web2'])
  expect(show(all, { query: 'nginx web2' })).toEqual(['web2'])
})

test('sorts by load, what has none last', () => {
  const sample = (id: string) =>
    id.startsWith('web') ? { cpu: id.startsWith('web2') ? 0.1 : 0.9, memory: 0 } : undefined
  const singles = all.slice(0, 2)
  expect(show([...singles, container('idle')], { sort: { by: 'cpu', descending: false }, sample })).toEqual([
    'web10',
    'web2',
    'idle',
  ])
})

test('failure is not what the user did', () => {
  const codes = ['Exited (0) x', 'Exited (1) x', 'Exited (137) x', 'Exited (143) x', 'Exited (127) x']
  expect(codes.map((Status) => hasFailed({ State: 'exited', Status }))).toEqual([
    false,
    true,
    false,
    false,
    true,
  ])
  expect(exitCode({ State: 'running', Status: 'Up 2 minutes (healthy)' })).toBeUndefined()
  expect(healthOf({ Status: 'Up 1 second (health: starting)' })).toBe('starting')
})

test('a port that is published on both families is one chip', () => {
  const port = { PrivatePort: 53, PublicPort: 5353, Type: 'udp' as const }
  expect(
    portChips({
      Ports: [
        { ...port, IP: '0.0.0.0' },
        { ...port, IP: '::' },
        { PrivatePort: 80, Type: 'tcp' },
      ],
    }),
  ).toEqual([{ text: '5353:53/udp', ip: '0.0.0.0', port: 5353, protocol: 'udp' }])
})

test('a cause is what a reader of one line needs', () => {
  const prefix =
    'failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: '
  const cause = 'exec: "pyhton": executable file not found in $PATH'
  expect(shortCause(`${prefix}${cause}`)).toBe(cause)
  expect(shortCause(`${prefix}error during container init: ${cause}`)).toBe(cause)
  expect(shortCause('Bind for 0.0.0.0:80 failed: port is already allocated')).toBe(
    'Bind for 0.0.0.0:80 failed: port is already allocated',
  )
})

test('the cause of an end in a few words', () => {
  const cause = (error: string, part = {}) =>
    causeOf({ OOMKilled: false, ExitCode: 0, Error: error, ...part })
  const chain =
    'failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: '
  expect(cause('')).toBeUndefined()
  expect(cause('', { OOMKilled: true, ExitCode: 137 })?.key).toBe('oom')
  expect(cause('', { ExitCode: 126 })?.key).toBe('notExecutable')
  expect(
    [
      `${chain}error during container init: exec: "pyhton": executable file not found in $PATH`,
      `${chain}exec: "/run.sh": permission denied`,
      'failed to set up container networking: driver failed programming external connectivity on endpoint web (1f): Bind for 0.0.0.0:8080 failed: port is already allocated',
      'Ports are not available: exposing port TCP 127.0.0.1:3000 -> 127.0.0.1:0: listen tcp 127.0.0.1:3000: bind: address already in use',
      'invalid mount config for type "bind": bind source path does not exist: /nowhere',
      `${chain}something new`,
    ].map((text) => cause(text)),
  ).toEqual([
    { key: 'program', what: 'pyhton' },
    { key: 'permission', what: '/run.sh' },
    { key: 'port', what: '8080' },
    { key: 'port', what: '3000' },
    { key: 'path', what: '/nowhere' },
    { key: 'other', what: 'something new' },
  ])
})

import type { AppInfo } from '../../app/contract.ts'
import type { MachineState } from '../../app/machine/state.ts'
import { say } from '../../app/sayings.ts'
import type { Settings } from '../../app/settings-schema.ts'
import type { ContainerStatus, ContainerSummary } from '../../vm/api/containers.ts'
import type { ImageSummary } from '../../vm/api/images.ts'
import type { NetworkInspect } from '../../vm/api/networks.ts'
import type { Volume } from '../../vm/api/volumes.ts'

/** What the fixture shows: a day in the life of somebody who learns Docker. */

export function hex(seed: string, length = 64): string {
  let state = 2166136261
  let text = ''
  for (let i = 0; text.length < length; i++) {
    for (const char of `${seed}${i}`) state = Math.imul(state ^ char.charCodeAt(0), 16777619) >>> 0
    text += state.toString(16).padStart(8, '0')
  }
  return text.slice(0, length)
}

const HOUR = 3600
const now = (): number => Math.floor(Date.now() / 1000)

interface Seed {
  name: string
  image: string
  state?: ContainerStatus
  status?: string
  project?: string
  ports?: [host: number, container: number][]
  age?: number
  mounts?: string[]
}

const SEEDS: Seed[] = [
  {
    name: 'shop-web-1',
    image: 'nginx:1.27',
    project: 'shop',
    ports: [[8080, 80]],
    age: 5 * HOUR,
    status: 'Up 5 hours (healthy)',
  },
  {
    name: 'shop-api-1',
    image: 'shop-api:dev',
    project: 'shop',
    ports: [
      [3000, 3000],
      [9229, 9229],
    ],
    age: 5 * HOUR,
  },
  {
    name: 'shop-db-1',
    image: 'postgres:17',
    project: 'shop',
    ports: [[5432, 5432]],
    age: 5 * HOUR,
    status: 'Up 5 hours (healthy)',
    mounts: ['shop_pgdata'],
  },
  {
    name: 'shop-worker-1',
    image: 'shop-api:dev',
    project: 'shop',
    state: 'exited',
    status: 'Exited (137) 12 minutes ago',
    age: 5 * HOUR,
  },
  { name: 'cache', image: 'redis:7', ports: [[6379, 6379]], age: 26 * HOUR, mounts: ['redis-data'] },
  { name: 'mycentos', image: 'centos:7', state: 'created', status: 'Created', age: 40 },
  { name: 'playground', image: 'ubuntu:24.04', age: 3 * HOUR },
  {
    name: 'report',
    image: 'python:3.13-slim',
    state: 'exited',
    status: 'Exited (1) 3 hours ago',
    age: 3 * HOUR,
  },
  {
    name: 'typo',
    image: 'busybox:latest',
    state: 'exited',
    status: 'Exited (127) 2 days ago',
    age: 50 * HOUR,
  },
  {
    name: 'batch',
    image: 'busybox:latest',
    state: 'exited',
    status: 'Exited (0) 4 hours ago',
    age: 5 * HOUR,
  },
  {
    name: 'paused-job',
    image: 'busybox:latest',
    state: 'paused',
    status: 'Up 20 minutes (Paused)',
    age: 1200,
  },
  { name: 'welcome', image: 'slipway/welcome', ports: [[8081, 80]], age: 60 },
]

function toSummary(seed: Seed): ContainerSummary {
  const state = seed.state ?? 'running'
  return {
    Id: hex(seed.name),
    Names: [`/${seed.name}`],
    Image: seed.image,
    ImageID: `sha256:${hex(seed.image)}`,
    Command: 'docker-entrypoint.sh',
    Created: now() - (seed.age ?? HOUR),
    Ports: (seed.ports ?? []).map(([PublicPort, PrivatePort]) => ({
      IP: '127.0.0.1',
      PublicPort,
      PrivatePort,
      Type: 'tcp',
    })),
    Labels: seed.project
      ? {
          'com.docker.compose.project': seed.project,
          'com.docker.compose.service': seed.name.split('-')[1] ?? '',
        }
      : {},
    State: state,
    Status: seed.status ?? 'Up 3 hours',
    HostConfig: { NetworkMode: 'bridge' },
    NetworkSettings: { Networks: { bridge: { IPAddress: '172.17.0.2', Gateway: '172.17.0.1' } } },
    Mounts: (seed.mounts ?? []).map((Name) => ({
      Type: 'volume',
      Name,
      Source: `/var/lib/slipway/volumes/${Name}`,
      Destination: '/data',
      Driver: 'local',
      Mode: 'z',
      RW: true,
      Propagation: '',
    })),
  }
}

export function seedContainers(total: number): ContainerSummary[] {
  const more = Array.from(
    { length: Math.max(0, total - SEEDS.length) },
    (_, index): Seed => ({
      name: `load-${String(index + 1).padStart(3, '0')}`,
      image: ['nginx:1.27', 'redis:7', 'busybox:latest'][index % 3] ?? '',
      ...(index % 4 === 3 && { state: 'exited' as const, status: 'Exited (0) 1 hour ago' }),
      ...(index % 3 === 0 && { ports: [[20_000 + index, 80]] as [number, number][] }),
      age: index * 90,
    }),
  )
  return (total === 0 ? [] : [...SEEDS, ...more]).map(toSummary)
}

export function seedImages(): ImageSummary[] {
  const sizes: [string, number][] = [
    ['nginx:1.27', 192e6],
    ['postgres:17', 438e6],
    ['redis:7', 117e6],
    ['shop-api:dev', 312e6],
    ['busybox:latest', 4.3e6],
    ['ubuntu:24.04', 78e6],
    ['python:3.13-slim', 121e6],
    ['centos:7', 204e6],
    ['slipway/welcome:latest', 4.4e6],
    ['localhost:5000/team/worker:2026.11', 288e6],
  ]
  const images = sizes.map(
    ([tag, Size], index): ImageSummary => ({
      Id: `sha256:${hex(tag.replace(':latest', tag.startsWith('slipway') ? '' : ':latest'))}`,
      ParentId: '',
      RepoTags: [tag],
      RepoDigests: [`${tag.split(':')[0]}@sha256:${hex(`d${tag}`)}`],
      Created: now() - (index + 1) * 37 * HOUR,
      Size,
      SharedSize: 0,
      Labels: null,
      Containers: -1,
    }),
  )
  const dangling: ImageSummary = {
    ...(images[3] as ImageSummary),
    Id: `sha256:${hex('dangling')}`,
    RepoTags: [],
    RepoDigests: [],
    Size: 309e6,
  }
  return [...images, dangling]
}

export function seedVolumes(): Volume[] {
  return [
    ['shop_pgdata', 61e6, 1],
    ['redis-data', 2.1e6, 1],
    ['old-experiments', 734e6, 0],
    [hex('anonymous'), 18e6, 0],
  ].map(([Name, Size, RefCount], index) => ({
    Name: String(Name),
    Driver: 'local',
    CreatedAt: new Date(Date.now() - index * 40 * HOUR * 1000).toISOString(),
    Labels: null,
    Mountpoint: `/var/lib/slipway/volumes/${Name}`,
    Options: null,
    Scope: 'local',
    UsageData: { Size: Number(Size), RefCount: Number(RefCount) },
  }))
}

export function seedNetworks(containers: readonly ContainerSummary[]): NetworkInspect[] {
  const base = {
    Created: new Date().toISOString(),
    Scope: 'local',
    EnableIPv4: true,
    EnableIPv6: false,
    Attachable: false,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Options: {},
    Labels: {},
  }
  const member = (one: ContainerSummary, index: number): [string, NetworkInspect['Containers'][string]] => [
    one.Id,
    {
      Name: one.Names[0]?.slice(1) ?? '',
      EndpointID: hex(`e${one.Id}`),
      MacAddress: '02:42:ac:11:00:02',
      IPv4Address: `172.18.0.${index + 2}/16`,
      IPv6Address: '',
    },
  ]
  const shop = containers.filter(
    (one) => one.Labels['com.docker.compose.project'] === 'shop' && one.State === 'running',
  )
  const rest = containers
    .filter((one) => !one.Labels['com.docker.compose.project'] && one.State === 'running')
    .slice(0, 6)
  const network = (
    Name: string,
    Driver: string,
    Subnet: string,
    members: readonly ContainerSummary[],
    Internal = false,
  ): NetworkInspect => ({
    ...base,
    Name,
    Id: hex(`n${Name}`),
    Driver,
    Internal,
    IPAM: { Driver: 'default', Config: Subnet ? [{ Subnet, Gateway: Subnet.replace('0.0/16', '0.1') }] : [] },
    Containers: Object.fromEntries(members.map(member)),
  })
  return [
    network('bridge', 'bridge', '172.17.0.0/16', rest),
    network('host', 'host', '', []),
    network('none', 'null', '', []),
    network('shop_default', 'bridge', '172.18.0.0/16', shop),
    network('backend', 'bridge', '172.19.0.0/16', [], true),
  ]
}

export const APP: AppInfo = {
  version: '0.1.0',
  platform: 'linux',
  arch: 'x64',
  shell: 'browser',
  headless: false,
  home: '/home/me/.slipway',
  dockerHost: 'unix:///home/me/.slipway/docker.sock',
  locale: 'en-US',
}

export function seedSettings(query: URLSearchParams): Settings {
  return {
    cpus: 2,
    memoryMiB: 4096,
    diskGiB: 64,
    portModel: 'double',
    registryMirrors: [],
    insecureRegistries: ['registry.local:5000'],
    httpProxy: '',
    httpsProxy: '',
    noProxy: '',
    sharedFolders: ['/home/me'],
    startAtLogin: false,
    startEngineOnOpen: true,
    closeToTray: true,
    containerColumns: ['state', 'ports', 'cpu', 'memory', 'created'],
    notifications: true,
    language: query.get('language') === 'ko' ? 'ko' : 'en',
    theme: query.get('theme') === 'dark' ? 'dark' : 'light',
    terminalFontSize: 13,
    terminalFontFamily: '',
  }
}

export function seedMachine(name: string | null): MachineState {
  switch (name) {
    case 'stopped':
      return { state: 'stopped' }
    case 'starting':
      return { state: 'starting', step: 'kernel', since: Date.now() }
    case 'failed':
      return {
        state: 'failed',
        step: 'kernel',
        error: "the guest's first line did not come within 60 s",
        hint: say({ code: 'retry' }),
        said: { message: { code: 'late', values: { what: 'it', time: '60 s' } }, hint: { code: 'retry' } },
        serialTail:
          '[    0.000000] Linux version 6.12.43+deb13-cloud-amd64\n[    3.104110] Kernel panic - not syncing: VFS: Unable to mount root fs',
      }
    default:
      return {
        state: 'running',
        accelerator: 'tcg',
        acceleratorNote: '/dev/kvm opens, but the guest hangs with it.',
        pid: 4711,
        startedAt: Date.now() - 5 * HOUR * 1000,
      }
  }
}

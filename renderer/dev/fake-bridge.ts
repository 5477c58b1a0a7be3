import type { MachineState } from '../../app/machine/state.ts'
import type { ContainerInspect, ContainerStats, ContainerSummary } from '../../vm/api/containers.ts'
import { EngineError } from '../../vm/api/errors.ts'
import type { Bridge, OpenStream, StreamHandlers } from '../bridge.ts'
import {
  APP,
  hex,
  seedContainers,
  seedImages,
  seedMachine,
  seedNetworks,
  seedSettings,
  seedVolumes,
} from './seed.ts'

type Handlers = StreamHandlers<unknown>
type Method = (...args: never[]) => unknown

/** An engine made of memory, for looking at screens and measuring them. Never part of the production bundle. */
export function fakeBridge(query: URLSearchParams): Bridge {
  const world = new World(query)
  return {
    async call(method, args) {
      await new Promise((resolve) => setTimeout(resolve, 30))
      const handler = world.methods[method]
      if (!handler) throw new EngineError('not_implemented', `${method}: the fixture has no such method`)
      if (query.get('fail') === method)
        throw new EngineError('unavailable', 'the engine does not answer', { hint: 'Restart the engine.' })
      return structuredClone(handler(...(args as never[])))
    },
    open: (stream, args, handlers) => world.open(stream, args, handlers),
  }
}

class World {
  containers: ContainerSummary[]
  images = seedImages()
  volumes = seedVolumes()
  settings
  machine: MachineState
  readonly #listeners = new Map<string, Set<Handlers>>()
  readonly #query: URLSearchParams
  readonly #load = new Map<string, { cpu: number; total: number; memory: number }>()

  constructor(query: URLSearchParams) {
    this.#query = query
    this.containers = seedContainers(Number(query.get('containers') ?? 12))
    this.settings = seedSettings(query)
    this.machine = seedMachine(query.get('machine'))
    if (query.has('noimages')) this.images = []
  }

  emit(stream: string, value: unknown): void {
    for (const handlers of this.#listeners.get(stream) ?? []) void handlers.data(value)
  }

  event(Action: string, id: string): void {
    this.emit('events', {
      Type: 'container',
      Action,
      Actor: { ID: id, Attributes: {} },
      scope: 'local',
      time: 0,
      timeNano: 0,
    })
  }

  find(id: string): ContainerSummary {
    const found = this.containers.find((one) => one.Id === id || one.Names[0] === `/${id}`)
    if (!found) throw new EngineError('not_found', `No such container: ${id}`)
    return found
  }

  set(id: string, part: Partial<ContainerSummary>, action: string): void {
    const { Id } = this.find(id)
    this.containers = this.containers.map((one) => (one.Id === Id ? { ...one, ...part } : one))
    setTimeout(() => this.event(action, Id), 60)
  }

  readonly methods: Record<string, Method> = {
    'app.info': () => APP,
    'app.openExternal': () => undefined,
    'app.diagnostics': () => ({ path: '/home/me/.slipway/diagnostics-2026-11-21.tar' }),
    'settings.get': () => this.settings,
    'settings.defaults': () => seedSettings(new URLSearchParams()),
    'folders.complete': () => [],
    'settings.set': (patch: object) => {
      this.settings = { ...this.settings, ...patch }
      return this.settings
    },
    'ports.answers': () => true,
    'registries.list': () => ({
      accounts: [
        { host: 'docker.io', user: 'mina', source: 'slipway', usable: true },
        { host: 'ghcr.io', user: 'mina', source: 'docker', usable: true },
      ],
      storage: 'keychain',
    }),
    'machine.start': () => this.startMachine(),
    'machine.stop': () => this.change({ state: 'stopped' }),
    'machine.restart': () => this.startMachine(),
    'machine.reset': () => undefined,
    'machine.usage': () => ({
      memory: { total: 4.1e9, available: 2.6e9 },
      disk: { total: 64e9, used: 9.4e9 },
      load: [0.2, 0.3, 0.2],
      uptime: 18_000,
      process: { rss: 1.3e9 },
      cpu: { busy: Date.now() * 0.07, total: Date.now() * 0.2, count: 2 },
    }),
    'system.version': () => ({
      Version: '28.5.2',
      ApiVersion: '1.51',
      KernelVersion: '6.12.43+deb13-cloud-amd64',
    }),
    'system.df': () => ({
      LayersSize: 0,
      Images: this.images,
      Volumes: this.volumes,
      Containers: this.containers.map((one) => ({ ...one, SizeRw: 1_200_000 })),
      BuildCache: [
        {
          ID: 'x',
          Type: 'regular',
          Description: 'RUN npm ci',
          InUse: false,
          Shared: false,
          Size: 88e6,
          CreatedAt: '',
          LastUsedAt: null,
          UsageCount: 1,
        },
      ],
    }),
    'containers.list': () => this.containers,
    'containers.inspect': (id: string) => this.inspect(this.find(id)),
    'containers.start': (id: string) => this.set(id, { State: 'running', Status: 'Up 1 second' }, 'start'),
    'containers.stop': (id: string) =>
      this.set(id, { State: 'exited', Status: 'Exited (0) 1 second ago' }, 'die'),
    'containers.kill': (id: string) =>
      this.set(id, { State: 'exited', Status: 'Exited (137) 1 second ago' }, 'die'),
    'containers.restart': (id: string) => this.set(id, { Status: 'Up 1 second' }, 'restart'),
    'containers.pause': (id: string) =>
      this.set(id, { State: 'paused', Status: 'Up 1 minute (Paused)' }, 'pause'),
    'containers.unpause': (id: string) =>
      this.set(id, { State: 'running', Status: 'Up 1 minute' }, 'unpause'),
    'containers.rename': (id: string, name: string) => this.set(id, { Names: [`/${name}`] }, 'rename'),
    'containers.remove': (id: string) => {
      this.containers = this.containers.filter((one) => one.Id !== id)
      this.event('destroy', id)
    },
    'containers.create': (name: string | undefined, body: { Image: string }) => {
      if (
        !this.images.some((image) =>
          image.RepoTags.includes(body.Image.includes(':') ? body.Image : `${body.Image}:latest`),
        )
      )
        throw new EngineError('not_found', `No such image: ${body.Image}`)
      const [template] = seedContainers(1)
      const made: ContainerSummary = {
        ...(template as ContainerSummary),
        Id: hex(`${name}${Date.now()}`),
        Names: [`/${name ?? 'quirky_hopper'}`],
        Image: body.Image,
        Labels: {},
        State: 'created',
        Status: 'Created',
        Ports: [],
      }
      this.containers = [...this.containers, made]
      this.event('create', made.Id)
      return { Id: made.Id, Warnings: [] }
    },
    'containers.top': () => ({
      Titles: ['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD'],
      Processes: [
        ['root', '3121', '3101', '0', '14:02', '?', '00:00:01', 'nginx: master process nginx -g daemon off;'],
        ['nginx', '3165', '3121', '0', '14:02', '?', '00:00:00', 'nginx: worker process'],
      ],
    }),
    'containers.changes': () => [
      { Path: '/var/cache/nginx', Kind: 0 },
      { Path: '/var/cache/nginx/client_temp', Kind: 1 },
      { Path: '/run/nginx.pid', Kind: 1 },
      { Path: '/etc/motd', Kind: 2 },
    ],
    'volumes.files': () => [
      { name: 'pg_wal', kind: 'directory', size: 0, mode: 0o700, mtime: Date.now() - 9e6 },
      { name: 'PG_VERSION', kind: 'file', size: 3, mode: 0o600, mtime: Date.now() - 9e7 },
    ],
    'containers.files': (_id: string, path: string) =>
      path === '/'
        ? ['bin', 'dev', 'etc', 'home', 'proc', 'root', 'srv', 'tmp', 'usr', 'var'].map((name) => ({
            name,
            kind: 'directory',
            size: 4096,
            mode: 0o40755,
            mtime: Date.now() - 4e8,
          }))
        : [
            { name: 'hosts', kind: 'file', size: 174, mode: 0o100644, mtime: Date.now() - 4e6 },
            {
              name: 'localtime',
              kind: 'symlink',
              size: 0,
              mode: 0o120777,
              mtime: Date.now() - 4e8,
              linkTarget: '/usr/share/zoneinfo/Asia/Seoul',
            },
          ],
    'containers.readFile': () => new TextEncoder().encode('127.0.0.1\tlocalhost\n172.17.0.2\tweb\n'),
    'containers.writeFile': () => undefined,
    'containers.update': () => ({ Warnings: null }),
    'containers.ports': (id: string) =>
      this.find(id).Ports.map((port) => ({
        port: {
          containerPort: port.PrivatePort,
          protocol: 'tcp',
          hostIp: '127.0.0.1',
          hostPort: port.PublicPort,
        },
        model: 'double',
        hops: [
          { label: 'host', address: '127.0.0.1', port: port.PublicPort },
          { label: 'vm', address: '10.0.2.15', port: port.PublicPort },
          { label: 'container', address: '172.18.0.2', port: port.PrivatePort },
        ],
        state: { listening: true },
      })),
    'containers.setPorts': (id: string, ports: { hostPort: number; containerPort: number }[]) => {
      this.set(
        id,
        {
          Ports: ports.map((port) => ({
            IP: '127.0.0.1',
            PublicPort: port.hostPort || 32_768,
            PrivatePort: port.containerPort,
            Type: 'tcp',
          })),
        },
        'update',
      )
      return ports
    },
    'ports.free': (_ip: string, port: number) => ({
      free: port !== 8080,
      holder: 'nginx (pid 812)',
      next: 8082,
    }),
    'images.list': () => this.images,
    'images.inspect': () => ({
      Id: this.images[0]?.Id,
      RepoTags: this.images[0]?.RepoTags,
      Created: '2026-10-02T11:20:00Z',
      Size: 192e6,
      Os: 'linux',
      Architecture: 'amd64',
      Config: {
        Env: ['PATH=/usr/bin'],
        Cmd: ['nginx', '-g', 'daemon off;'],
        Entrypoint: ['/docker-entrypoint.sh'],
        ExposedPorts: { '80/tcp': {} },
      },
    }),
    'images.history': () =>
      [
        ['CMD ["nginx" "-g" "daemon off;"]', 0],
        ['EXPOSE map[80/tcp:{}]', 0],
        ['COPY 30-tune-worker-processes.sh /docker-entrypoint.d', 4620],
        ['RUN /bin/sh -c set -x && groupadd --system --gid 101 nginx && apt-get update', 117e6],
        ['# debian.sh --arch amd64 out/ bookworm', 74.8e6],
      ].map(([CreatedBy, Size]) => ({
        Id: '<missing>',
        Created: 0,
        CreatedBy,
        Tags: null,
        Size,
        Comment: '',
      })),
    'images.tags': () => ['7', '7.4', '7-alpine', '8', 'latest'],
    'images.search': (term: string) => [
      {
        name: term,
        description: 'The official image.',
        star_count: 9000,
        is_official: true,
        is_automated: false,
      },
      {
        name: `bitnami/${term}`,
        description: 'Packaged by somebody else, with a long description that does not fit.',
        star_count: 12,
        is_official: false,
        is_automated: false,
      },
    ],
    'images.remove': (name: string) => {
      this.images = this.images.filter((image) => !image.RepoTags.includes(name) && image.Id !== name)
      this.emit('events', { Type: 'image', Action: 'delete', Actor: { ID: name, Attributes: {} } })
      return []
    },
    'volumes.list': () => this.volumes,
    'networks.list': () => seedNetworks(this.containers),
    'networks.inspect': (name: string) => seedNetworks(this.containers).find((one) => one.Name === name),
  }

  open(stream: string, args: readonly unknown[], handlers: Handlers): OpenStream<unknown> {
    const set = this.#listeners.get(stream) ?? new Set()
    this.#listeners.set(stream, set.add(handlers))
    const timers: ReturnType<typeof setInterval>[] = []
    const every = (ms: number, run: () => void): void => void timers.push(setInterval(run, ms))
    if (stream === 'machine.states') setTimeout(() => handlers.data(this.machine), 10)
    if (stream === 'containers.allStats') {
      const send = () =>
        void handlers.data(
          this.containers.filter((one) => one.State === 'running').map((one) => this.stats(one)),
        )
      for (let i = 0; i < 20; i++) setTimeout(send, 5 + i)
      every(1000, send)
    }
    if (stream === 'containers.stats') {
      const one = this.find(String(args[0]))
      for (let i = 40; i > 0; i--)
        setTimeout(
          () => handlers.data({ ...this.stats(one), read: new Date(Date.now() - i * 1000).toISOString() }),
          5,
        )
      every(1000, () => handlers.data(this.stats(one)))
    }
    if (stream === 'containers.logs') this.#logs(handlers, every)
    if (stream === 'machine.logs')
      void handlers.data(
        '[    0.000000] Linux version 6.12.43+deb13-cloud-amd64\n[    1.204110] EXT4-fs (vda): mounted filesystem',
      )
    if (stream === 'containers.terminal') return this.#terminal(handlers)
    if (stream === 'images.pull') this.#pull(String(args[0]), handlers, every)
    return {
      send: async () => undefined,
      finish: () => undefined,
      close: () => {
        set.delete(handlers)
        timers.forEach(clearInterval)
      },
    }
  }

  #logs(handlers: Handlers, every: (ms: number, run: () => void) => void): void {
    const encoder = new TextEncoder()
    const line = (index: number): string => {
      const texts = [
        `172.18.0.1 - - "GET /api/orders?page=${index} HTTP/1.1" 200 ${512 + (index % 900)}`,
        `\x1b[36minfo\x1b[0m: order \x1b[1m#${index}\x1b[0m accepted in ${index % 90} ms`,
        `WARN slow query: SELECT * FROM orders WHERE id = ${index} took 812 ms`,
        `ERROR could not reach payment service: connection refused (attempt ${index % 5})`,
        'DEBUG cache hit for key user:42',
      ]
      return `${new Date().toISOString().replace('Z', '000000Z')} ${texts[[0, 0, 1, 0, 2, 1, 0, 4, 0, 3][index % 10] ?? 0]}\n`
    }
    let next = 0
    const send = (count: number): void => {
      let text = ''
      for (let i = 0; i < count; i++) text += line(next++)
      void handlers.data({ stream: 'stdout', data: encoder.encode(text) })
    }
    setTimeout(() => send(60), 20)
    const rate = Number(this.#query.get('logs') ?? 1)
    every(rate > 20 ? 16 : 1000, () => send(Math.max(1, Math.round(rate * (rate > 20 ? 0.016 : 1)))))
  }

  #terminal(handlers: Handlers): OpenStream<unknown> {
    const encoder = new TextEncoder()
    const print = (text: string): void => void handlers.data(encoder.encode(text))
    const prompt = '\x1b[1;32mroot@web\x1b[0m:\x1b[1;34m/\x1b[0m# '
    setTimeout(
      () =>
        print(
          `${prompt}ls --color\r\n\x1b[1;34mbin\x1b[0m  \x1b[1;34metc\x1b[0m  \x1b[1;34mhome\x1b[0m  \x1b[1;36mlib\x1b[0m  \x1b[1;34mvar\x1b[0m  \x1b[1;32mrun.sh\x1b[0m\r\n${prompt}echo 안녕하세요\r\n안녕하세요\r\n${prompt}`,
        ),
      30,
    )
    let flood: ReturnType<typeof setInterval> | undefined
    return {
      async send(input) {
        const message = input as { type: string; data?: Uint8Array }
        if (!message.data) return
        const text = new TextDecoder().decode(message.data)
        if (text === '\x03') {
          clearInterval(flood)
          print(`^C\r\n${prompt}`)
        } else if (text === '\x19') flood = setInterval(() => print('y\r\n'.repeat(4000)), 16)
        else print(text === '\r' ? `\r\n${prompt}` : text)
      },
      finish: () => undefined,
      close: () => clearInterval(flood),
    }
  }

  #pull(name: string, handlers: Handlers, every: (ms: number, run: () => void) => void): void {
    const layers = [31e6, 74e6, 12e6, 5e5].map((total, index) => ({
      id: hex(`${name}${index}`, 12),
      total,
      current: 0,
    }))
    void handlers.data({ status: `Pulling from library/${name}`, id: 'latest' })
    for (const layer of layers)
      void handlers.data({ status: 'Pulling fs layer', id: layer.id, progressDetail: {} })
    every(100, () => {
      for (const layer of layers.slice(0, 3)) {
        if (layer.current >= layer.total) continue
        layer.current = Math.min(layer.total, layer.current + 2e6)
        const done = layer.current >= layer.total
        void handlers.data({
          status: done ? 'Pull complete' : 'Downloading',
          id: layer.id,
          progressDetail: done ? {} : { current: layer.current, total: layer.total },
        })
      }
      if (layers.slice(0, 3).every((layer) => layer.current >= layer.total)) handlers.end()
    })
  }

  change(machine: MachineState): void {
    this.machine = machine
    this.emit('machine.states', machine)
  }

  startMachine(): void {
    const steps = ['prepare', 'launch', 'kernel', 'disk', 'connect', 'engine', 'ports'] as const
    steps.forEach((step, index) => {
      setTimeout(() => this.change({ state: 'starting', step, since: Date.now() }), index * 700)
    })
    setTimeout(() => this.change(seedMachine('running')), steps.length * 700)
  }

  stats(one: ContainerSummary): ContainerStats {
    const load = this.#load.get(one.Id) ?? {
      cpu: Math.random() * 0.2,
      total: 1e9,
      memory: (20 + Math.random() * 200) * 1e6,
    }
    load.cpu = Math.max(0.001, Math.min(0.9, load.cpu + (Math.random() - 0.5) * 0.06))
    load.memory = Math.max(4e6, load.memory * (1 + (Math.random() - 0.5) * 0.03))
    this.#load.set(one.Id, load)
    const cpu = (used: number, system: number) => ({
      cpu_usage: { total_usage: used, usage_in_kernelmode: 0, usage_in_usermode: 0 },
      system_cpu_usage: system,
      online_cpus: 2,
      throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
    })
    const t = Date.now() / 1000
    return {
      id: one.Id,
      name: one.Names[0] ?? '',
      read: new Date().toISOString(),
      preread: '',
      num_procs: 0,
      storage_stats: {},
      pids_stats: { current: 4 },
      cpu_stats: cpu(load.cpu * 1e9, 2e9),
      precpu_stats: cpu(0, 0),
      memory_stats: { usage: load.memory, limit: 4.1e9, stats: { inactive_file: 1e6 } },
      blkio_stats: {
        io_service_bytes_recursive: [
          { major: 8, minor: 0, op: 'read', value: t * 9e4 },
          { major: 8, minor: 0, op: 'write', value: t * 4e4 + Math.random() * 2e4 },
        ],
        io_serviced_recursive: null,
      },
      networks: {
        eth0: {
          rx_bytes: t * 1.2e5 + Math.random() * 5e4,
          rx_packets: 0,
          rx_errors: 0,
          rx_dropped: 0,
          tx_bytes: t * 6e4 + Math.random() * 3e4,
          tx_packets: 0,
          tx_errors: 0,
          tx_dropped: 0,
        },
      },
    }
  }

  inspect(one: ContainerSummary): ContainerInspect {
    const code = Number(/\((\d+)\)/.exec(one.Status)?.[1] ?? 0)
    return {
      Id: one.Id,
      Created: new Date(one.Created * 1000).toISOString(),
      Path: '/docker-entrypoint.sh',
      Args: ['nginx', '-g', 'daemon off;'],
      Image: one.ImageID,
      Name: one.Names[0] ?? '',
      ResolvConfPath: '',
      HostnamePath: '',
      HostsPath: '',
      LogPath: '',
      RestartCount: 0,
      Driver: 'overlay2',
      Platform: 'linux',
      MountLabel: '',
      ProcessLabel: '',
      AppArmorProfile: '',
      ExecIDs: null,
      State: {
        Status: one.State,
        Running: one.State === 'running',
        Paused: one.State === 'paused',
        Restarting: false,
        OOMKilled: one.Names[0] === '/shop-worker-1',
        Dead: false,
        Pid: 3121,
        ExitCode: code,
        Error: code === 127 ? 'exec: "pyhton": executable file not found in $PATH' : '',
        StartedAt: new Date(one.Created * 1000).toISOString(),
        FinishedAt: '0001-01-01T00:00:00Z',
      },
      HostConfig: {
        NetworkMode: 'bridge',
        PortBindings: Object.fromEntries(
          one.Ports.map((port) => [
            `${port.PrivatePort}/tcp`,
            [{ HostIp: '', HostPort: String(port.PublicPort) }],
          ]),
        ),
        RestartPolicy: { Name: 'unless-stopped', MaximumRetryCount: 0 },
        Memory: 536_870_912,
      },
      GraphDriver: { Name: 'overlay2', Data: {} },
      Mounts: one.Mounts,
      Config: {
        Image: one.Image,
        Cmd: ['nginx', '-g', 'daemon off;'],
        Env: [
          'PATH=/usr/bin',
          'NODE_ENV=development',
          'DATABASE_URL=postgres://shop:shop@db/shop',
          'NGINX_VERSION=1.27.3',
        ],
        Tty: false,
        Labels: one.Labels,
        ExposedPorts: { '80/tcp': {} },
      },
      NetworkSettings: {
        Bridge: '',
        SandboxID: '',
        SandboxKey: '',
        Ports: {},
        EndpointID: '',
        Gateway: '172.17.0.1',
        GlobalIPv6Address: '',
        GlobalIPv6PrefixLen: 0,
        IPAddress: '172.17.0.2',
        IPPrefixLen: 16,
        IPv6Gateway: '',
        MacAddress: '02:42:ac:11:00:02',
        Networks: one.NetworkSettings.Networks,
      },
    }
  }
}

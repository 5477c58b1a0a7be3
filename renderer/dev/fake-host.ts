import type { Methods, World } from './fake-world.ts'
import { APP, seedNetworks, seedSettings } from './seed.ts'

/** The methods about the app, its settings, the machine, volumes and networks. */
export function hostMethods(world: World): Methods {
  return {
    'app.info': () => APP,
    'app.openExternal': () => undefined,
    'app.diagnostics': () => ({ path: '/home/me/.slipway/diagnostics-2026-11-21.tar' }),
    'settings.get': () => world.settings,
    'settings.defaults': () => seedSettings(new URLSearchParams()),
    'folders.complete': () => [],
    'settings.set': (patch: object) => {
      world.settings = { ...world.settings, ...patch }
      return world.settings
    },
    'ports.answers': () => true,
    'registries.list': () => ({
      accounts: [
        { host: 'docker.io', user: 'mina', source: 'slipway', usable: true },
        { host: 'ghcr.io', user: 'mina', source: 'docker', usable: true },
      ],
      storage: 'keychain',
    }),
    'machine.start': () => world.startMachine(),
    'machine.stop': () => world.change({ state: 'stopped' }),
    'machine.restart': () => world.startMachine(),
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
      Images: world.images,
      Volumes: world.volumes,
      Containers: world.containers.map((one) => ({ ...one, SizeRw: 1_200_000 })),
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
    'volumes.files': () => [
      { name: 'pg_wal', kind: 'directory', size: 0, mode: 0o700, mtime: Date.now() - 9e6 },
      { name: 'PG_VERSION', kind: 'file', size: 3, mode: 0o600, mtime: Date.now() - 9e7 },
    ],
    'ports.free': (_ip: string, port: number) => ({
      free: port !== 8080,
      holder: 'nginx (pid 812)',
      next: 8082,
    }),
    'volumes.list': () => world.volumes,
    'networks.list': () => seedNetworks(world.containers),
    'networks.inspect': (name: string) => seedNetworks(world.containers).find((one) => one.Name === name),
  }
}

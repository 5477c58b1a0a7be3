import type { ContainerSummary } from '../../vm/api/containers.ts'
import { EngineError } from '../../vm/api/errors.ts'
import { fakeInspect } from './fake-inspect.ts'
import type { Methods, World } from './fake-world.ts'
import { hex, seedContainers } from './seed.ts'

/** The methods about containers. */
export function containerMethods(world: World): Methods {
  return {
    'containers.list': () => world.containers,
    'containers.inspect': (id: string) => fakeInspect(world.find(id)),
    'containers.start': (id: string) => world.set(id, { State: 'running', Status: 'Up 1 second' }, 'start'),
    'containers.stop': (id: string) =>
      world.set(id, { State: 'exited', Status: 'Exited (0) 1 second ago' }, 'die'),
    'containers.kill': (id: string) =>
      world.set(id, { State: 'exited', Status: 'Exited (137) 1 second ago' }, 'die'),
    'containers.restart': (id: string) => world.set(id, { Status: 'Up 1 second' }, 'restart'),
    'containers.pause': (id: string) =>
      world.set(id, { State: 'paused', Status: 'Up 1 minute (Paused)' }, 'pause'),
    'containers.unpause': (id: string) =>
      world.set(id, { State: 'running', Status: 'Up 1 minute' }, 'unpause'),
    'containers.rename': (id: string, name: string) => world.set(id, { Names: [`/${name}`] }, 'rename'),
    'containers.remove': (id: string) => {
      world.containers = world.containers.filter((one) => one.Id !== id)
      world.event('destroy', id)
    },
    'containers.create': (name: string | undefined, body: { Image: string }) => {
      if (
        !world.images.some((image) =>
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
      world.containers = [...world.containers, made]
      world.event('create', made.Id)
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
      world.find(id).Ports.map((port) => ({
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
      world.set(
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
  }
}

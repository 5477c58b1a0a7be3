import type { ContainerInspect, ContainerSummary } from '../../vm/api/containers.ts'

/** What `docker inspect` says of a container of the list. */
export function fakeInspect(one: ContainerSummary): ContainerInspect {
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

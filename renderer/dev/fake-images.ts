import type { Methods, World } from './fake-world.ts'

/** The methods about images. */
export function imageMethods(world: World): Methods {
  return {
    'images.list': () => world.images,
    'images.inspect': () => ({
      Id: world.images[0]?.Id,
      RepoTags: world.images[0]?.RepoTags,
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
      world.images = world.images.filter((image) => !image.RepoTags.includes(name) && image.Id !== name)
      world.emit('events', { Type: 'image', Action: 'delete', Actor: { ID: name, Attributes: {} } })
      return []
    },
  }
}

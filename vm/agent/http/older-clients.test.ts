import { expect, test } from 'vitest'
import type { ContainerCreateRequest, ContainerInspect, ContainerSummary } from '../../api/containers.ts'
import type { ImageInspect } from '../../api/images.ts'
import { containerFor, createFor, imageFor, sizedFor, summaryFor, updateFor } from './older-clients.ts'

test('images have their size twice until 1.43, and an empty container until 1.44', () => {
  const image = { Id: 'sha256:1', Size: 7 } as ImageInspect
  expect(sizedFor('1.43', image)).toMatchObject({ Size: 7, VirtualSize: 7 })
  expect(sizedFor('1.44', image)).not.toHaveProperty('VirtualSize')
  expect(imageFor('1.41', image)).toMatchObject({
    VirtualSize: 7,
    Container: '',
    ContainerConfig: { Cmd: null },
  })
  expect(imageFor('1.44', image)).not.toHaveProperty('VirtualSize')
  expect(imageFor('1.45', image)).toEqual(image)
})

test('the short id is among the aliases until 1.44, on networks of the user’s own', () => {
  const container = {
    Id: '0123456789abcdef',
    Config: { Hostname: 'host' },
    NetworkSettings: { Networks: { bridge: { Aliases: null }, own: { Aliases: ['web', 'host'] } } },
  } as unknown as ContainerInspect
  expect(containerFor('1.44', container).NetworkSettings.Networks).toEqual({
    bridge: { Aliases: null },
    own: { Aliases: ['web', 'host', '0123456789ab'] },
  })
  expect(containerFor('1.45', container)).toBe(container)
})

test('annotations are in lists from 1.46', () => {
  const row = { Id: '1', HostConfig: { NetworkMode: 'bridge', Annotations: { a: 'b' } } }
  const container = row as unknown as ContainerSummary
  expect(summaryFor('1.45', container).HostConfig).toEqual({ NetworkMode: 'bridge' })
  expect(summaryFor('1.46', container)).toBe(container)
})

test('an update limits processes from 1.40, and not at all with zero or less', () => {
  expect(updateFor('1.39', { PidsLimit: 5, Memory: 1 })).toEqual({ Memory: 1 })
  expect(updateFor('1.40', { PidsLimit: 5 })).toEqual({ PidsLimit: 5 })
  expect(updateFor('1.51', { PidsLimit: -2 })).toEqual({ PidsLimit: 0 })
  expect(updateFor('1.51', { Memory: 1 })).toEqual({ Memory: 1 })
})

test('a create leaves out what its version did not know', () => {
  const request: ContainerCreateRequest = {
    Image: 'a',
    Healthcheck: { Interval: 1, StartInterval: 2 },
    HostConfig: {
      AutoRemove: true,
      Annotations: { a: 'b' },
      PidsLimit: -1,
      Mounts: [
        {
          Type: 'bind',
          BindOptions: { NonRecursive: true, CreateMountpoint: true },
          TmpfsOptions: { Mode: 1 },
        },
      ],
    },
    NetworkingConfig: { EndpointsConfig: { one: { GwPriority: 3, Aliases: ['x'] } } },
  }
  expect(createFor('1.24', request)).toMatchObject({
    HostConfig: { AutoRemove: false, IpcMode: 'shareable', Mounts: [{ Type: 'bind', BindOptions: {} }] },
    Healthcheck: { Interval: 1 },
  })
  expect(createFor('1.41', request)).toEqual({
    Image: 'a',
    Healthcheck: { Interval: 1 },
    HostConfig: {
      AutoRemove: true,
      ConsoleSize: [0, 0],
      Mounts: [{ Type: 'bind', BindOptions: { NonRecursive: true } }],
    },
    NetworkingConfig: { EndpointsConfig: { one: { Aliases: ['x'] } } },
  })
  const { PidsLimit: _, ...host } = request.HostConfig ?? {}
  expect(createFor('1.51', request)).toEqual({ ...request, HostConfig: host })
})

test.each<[string, ContainerCreateRequest, string]>([
  [
    '1.43',
    { NetworkingConfig: { EndpointsConfig: { a: {}, b: {} } } },
    'Container cannot be created with multiple network endpoints: a, b',
  ],
  [
    '1.43',
    { HostConfig: { Mounts: [{ Type: 'bind', BindOptions: { ReadOnlyForceRecursive: true } }] } },
    'BindOptions.ReadOnlyForceRecursive needs API v1.44 or newer',
  ],
  [
    '1.44',
    { HostConfig: { Mounts: [{ Type: 'volume', VolumeOptions: { Subpath: 'a' } }] } },
    'VolumeOptions.Subpath needs API v1.45 or newer',
  ],
  ['1.47', { HostConfig: { Mounts: [{ Type: 'image' }] } }, 'Mount type "Image" needs API v1.48 or newer'],
])('a create of %s is refused what it could misunderstand: %j', (version, request, message) => {
  expect(() => createFor(version, request)).toThrow(message)
  expect(() => createFor('1.51', request)).not.toThrow()
})

import { expect, test } from 'vitest'
import type { ContainerInspect } from '../../api/containers.ts'
import type { ImageInspect } from '../../api/images.ts'
import { containerFor, imageFor, sizedFor } from './older-clients.ts'

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

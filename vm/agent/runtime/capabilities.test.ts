import { describe, expect, test } from 'vitest'
import {
  ALL_CAPABILITIES,
  containerCapabilities,
  DEFAULT_CAPABILITIES,
  processCapabilities,
} from './capabilities.ts'

const sorted = (names: readonly string[]) => [...names].sort()

describe('containerCapabilities', () => {
  test("starts from Docker's default set", () => {
    expect(sorted(containerCapabilities({}))).toEqual(sorted(DEFAULT_CAPABILITIES))
  })

  test('adds and drops, with and without prefix, in any case', () => {
    const caps = containerCapabilities({ add: ['net_admin', 'CAP_SYS_TIME'], drop: ['MKNOD', 'cap_chown'] })
    expect(caps).toEqual(expect.arrayContaining(['CAP_NET_ADMIN', 'CAP_SYS_TIME']))
    expect(caps).not.toContain('CAP_MKNOD')
    expect(caps).not.toContain('CAP_CHOWN')
    expect(caps).toHaveLength(DEFAULT_CAPABILITIES.length)
  })

  test.each([
    [{ add: ['ALL'] }, ALL_CAPABILITIES],
    [{ add: ['ALL'], drop: ['SYS_ADMIN'] }, ALL_CAPABILITIES.filter((name) => name !== 'CAP_SYS_ADMIN')],
    [{ drop: ['ALL'] }, []],
    [{ drop: ['ALL'], add: ['KILL'] }, ['CAP_KILL']],
    [{ privileged: true, drop: ['KILL'] }, ALL_CAPABILITIES],
  ])('%j', (options, expected) => {
    expect(containerCapabilities(options)).toEqual(expected)
  })

  test('an asked one survives when it is also dropped by name', () => {
    expect(containerCapabilities({ add: ['CHOWN'], drop: ['CHOWN'] })).toContain('CAP_CHOWN')
  })

  test('names an unknown one', () => {
    expect(() => containerCapabilities({ add: ['flying'] })).toThrow('unknown capability: "CAP_FLYING"')
  })
})

test('only root starts with capabilities in effect', () => {
  expect(processCapabilities(['CAP_KILL'], 0)).toEqual({
    bounding: ['CAP_KILL'],
    effective: ['CAP_KILL'],
    permitted: ['CAP_KILL'],
  })
  expect(processCapabilities(['CAP_KILL'], 1000)).toEqual({ bounding: ['CAP_KILL'] })
})

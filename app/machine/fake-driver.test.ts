import { describe } from 'vitest'
import { machineDriverSuite } from './driver-suite.ts'
import { FakeDriver, type FakeWorld } from './fake-driver.ts'

describe('the fake driver keeps the promises of a driver', () => {
  machineDriverSuite(async () => {
    const world: FakeWorld = new Map()
    const boot = {
      kernel: '',
      initrd: '',
      systemDisk: '',
      console: 'ttyS0',
      kernelArguments: [],
      arch: 'x64',
    } as const
    return { driver: () => new FakeDriver({}, world), boot }
  })
})

import { describe, vi } from 'vitest'
import { machineDriverSuite } from './driver-suite.ts'
import { locateImage } from './image.ts'
import { QemuDriver } from './qemu.ts'

const arch = process.arch === 'arm64' ? 'arm64' : 'x64'

/** Needs QEMU and a built image; run with SLIPWAY_VM_TESTS=1. */
describe.runIf(process.env['SLIPWAY_VM_TESTS'])('QEMU keeps the promises of a driver', () => {
  vi.setConfig({ testTimeout: 60_000 })
  machineDriverSuite(async () => {
    const image = await locateImage({ arch, agent: process.execPath })
    return { driver: () => new QemuDriver({ arch }), boot: image }
  })
})

import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { GiB } from './disk.ts'
import type { MachineDriver, VmHandle, VmSpec } from './driver.ts'
import { freePort } from './free-port.ts'
import { ensureKeys } from './keys.ts'
import { machinePaths } from './paths.ts'

export interface SuiteSubject {
  /** A driver as a new process of the same host would make it: it shares the VMs of every other one of this subject. */
  readonly driver: () => MachineDriver
  /** What the guest boots from; nothing in it is looked at but that it starts. */
  readonly boot: Pick<VmSpec, 'kernel' | 'initrd' | 'systemDisk' | 'console' | 'kernelArguments' | 'arch'>
}

/** What every MachineDriver promises, checked against the fake and, where it can run, the real one. */
export function machineDriverSuite(make: () => Promise<SuiteSubject>): void {
  let subject: SuiteSubject
  let driver: MachineDriver
  let spec: VmSpec
  let handles: VmHandle[]

  const start = async (): Promise<VmHandle> => {
    const handle = await driver.start(spec)
    handles.push(handle)
    return handle
  }
  const diskOf = () => ({ path: spec.dataDisk, bytes: GiB })

  beforeEach(async () => {
    subject = await make()
    driver = subject.driver()
    handles = []
    const home = await mkdtemp(join(tmpdir(), 'sw-'))
    const paths = machinePaths(home)
    await ensureKeys(paths.keys)
    spec = {
      ...subject.boot,
      id: randomUUID(),
      accelerator: 'tcg',
      cpus: 1,
      memoryMiB: 512,
      dataDisk: paths.dataDisk,
      sshPort: await freePort(undefined),
      serialLog: paths.serialLog,
      stderrLog: paths.qemuLog,
      pidFile: paths.pidFile,
      monitor: paths.monitor,
    }
    await driver.create(diskOf())
  })
  afterEach(async () => {
    for (const handle of handles) await handle.kill()
    await rm(join(spec.dataDisk, '..'), { recursive: true, force: true })
  })

  test('tells its version and ends its accelerators with the one that always works', async () => {
    const info = await driver.info()
    expect(info.version).toMatch(/^\d+\.\d+/)
    expect(info.accelerators.at(-1)).toBe('tcg')
  })

  test('creating is idempotent, removing too', async () => {
    await driver.create(diskOf())
    expect((await stat(spec.dataDisk)).size).toBe(GiB)
    await driver.remove(diskOf())
    await driver.remove(diskOf())
    await expect(stat(spec.dataDisk)).rejects.toThrow()
  })

  test('a started VM has a monitor that answers, and ends when it is stopped', async () => {
    const handle = await start()
    await handle.qmp.execute('query-status')
    const exit = await handle.stop()
    expect(await handle.exited).toEqual(exit)
    expect(await handle.stop()).toEqual(exit)
    expect(await handle.kill()).toEqual(exit)
  })

  test('killing is told apart from stopping', async () => {
    const handle = await start()
    expect(await handle.kill()).toMatchObject({ signal: 'SIGKILL' })
  })

  test('a VM outlives the handle that was let go and is found by another driver', async () => {
    const handle = await start()
    await handle.detach()
    const found = await subject.driver().adopt(spec)
    expect(found?.pid).toBe(handle.pid)
    await found?.qmp.execute('query-status')
    await found?.stop()
    await handle.exited
    expect(await subject.driver().adopt(spec)).toBeUndefined()
  })

  test("another machine's VM is not adopted", async () => {
    await (await start()).detach()
    expect(await subject.driver().adopt({ ...spec, id: randomUUID() })).toBeUndefined()
  })

  test('a second VM on the same machine is refused', async () => {
    await start()
    await expect(subject.driver().start(spec)).rejects.toMatchObject({ kind: 'conflict' })
  })
}

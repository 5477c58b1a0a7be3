import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { EngineError } from '../../api/errors.ts'
import { FakeKernel } from '../linux/fake.ts'
import { CrunRuntime } from './crun-runtime.ts'

test('a monitor that cannot be started in advance is nobody’s failure', async () => {
  const kernel = new FakeKernel()
  let tries = 0
  kernel.spawn = () => {
    tries++
    throw new EngineError('unavailable', 'posix_spawn /usr/bin/conmon: EAGAIN')
  }
  await using runtime = new CrunRuntime({ runDir: tmpdir(), kernel })
  const options = { id: 'a', bundle: '/b', logPath: '/l', tty: false, openStdin: false }
  runtime.prepare(options)
  runtime.prepare(options)
  expect(tries).toBe(2)
})

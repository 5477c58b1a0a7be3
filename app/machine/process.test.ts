import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { isAlive, processIdentity } from './process.ts'

afterEach(() => vi.restoreAllMocks())

describe('isAlive', () => {
  test('a process that runs is, one that ended is not', async () => {
    const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], {
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    const pid = child.pid ?? 0
    expect(await isAlive(pid)).toBe(true)
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(await isAlive(pid)).toBe(false)
    expect(await processIdentity(pid)).toBeUndefined()
  })

  test.runIf(process.platform === 'linux')(
    'one that is buried between the two looks at it is not',
    async () => {
      const child = spawn(process.execPath, ['-e', ''], { stdio: 'ignore' })
      await once(child, 'exit')
      // The signal still found it; its entry in /proc is gone.
      vi.spyOn(process, 'kill').mockReturnValue(true)
      expect(await isAlive(child.pid ?? 0)).toBe(false)
    },
  )
})

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Health } from '../../api/containers.ts'
import { commandOf, HealthMonitor, nextHealth, scheduleOf, timeoutText } from './health.ts'

const probe = (exitCode: number) => ({ start: 's', end: 'e', exitCode, output: '' })
const starting: Health = { Status: 'starting', FailingStreak: 0, Log: [] }

describe('nextHealth', () => {
  it('needs as many failures in a row as there are retries', () => {
    let health: Health = { ...starting, Status: 'healthy' }
    health = nextHealth(health, probe(1), 2, false)
    expect(health).toMatchObject({ Status: 'healthy', FailingStreak: 1 })
    health = nextHealth(health, probe(1), 2, false)
    expect(health).toMatchObject({ Status: 'unhealthy', FailingStreak: 2 })
    expect(nextHealth(health, probe(0), 2, false)).toMatchObject({ Status: 'healthy', FailingStreak: 0 })
  })

  it('forgives failures in the start period, and keeps five entries', () => {
    let health = starting
    for (let i = 0; i < 7; i++) health = nextHealth(health, probe(1), 1, true)
    expect(health).toMatchObject({ Status: 'starting', FailingStreak: 0 })
    expect(health.Log).toHaveLength(5)
  })
})

it('reads commands and durations', () => {
  expect(commandOf({ Test: ['CMD', 'a', 'b'] }, [])).toEqual(['a', 'b'])
  expect(commandOf({ Test: ['CMD-SHELL', 'a b'] }, ['/bin/sh', '-c'])).toEqual(['/bin/sh', '-c', 'a b'])
  expect(commandOf({ Test: ['NONE'] }, [])).toBeUndefined()
  expect(scheduleOf({ Interval: 2e9 })).toMatchObject({ interval: 2000, timeout: 30_000, retries: 3 })
})

it('tells how long a check had, and what it had printed', () => {
  expect(timeoutText(50, '')).toBe('Health check exceeded timeout (50ms)')
  expect(timeoutText(30_000, 'still here\n')).toBe('Health check exceeded timeout (30s): still here\n')
})

describe('HealthMonitor', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('probes at its interval until it is stopped, and not while paused', async () => {
    const monitor = new HealthMonitor()
    let health = starting
    let probes = 0
    let paused = true
    const running = monitor.run(
      { interval: 5, timeout: 5, startPeriod: 0, startInterval: 5, retries: 1 },
      ['x'],
      async () => {
        probes++
        return probe(0)
      },
      {
        get: () => health,
        set: (next) => {
          health = next
        },
        paused: () => paused,
      },
    )
    await new Promise((resolve) => setTimeout(resolve, 40))
    expect(probes).toBe(0)
    paused = false
    await expect.poll(() => health.Status).toBe('healthy')
    monitor.stop()
    await expect(running).rejects.toThrow()
    const after = probes
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(probes).toBe(after)
  })
})

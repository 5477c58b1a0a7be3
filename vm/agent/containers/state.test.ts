import { describe, expect, it } from 'vitest'
import { isRunning, newState, type State, stateJson, type Transition, transition } from './state.ts'

const at = '2026-01-01T00:00:00Z'
const started: Transition = { type: 'started', pid: 7, at }
const exited: Transition = { type: 'exited', exitCode: 3, oomKilled: false, at, restarting: false }
const run = (...changes: Transition[]): State => changes.reduce(transition, newState())

describe('transition', () => {
  it('follows the life of a container and keeps how the last run went', () => {
    const state = run(started, { type: 'paused' }, { type: 'resumed' }, exited)
    expect(stateJson(state, undefined)).toMatchObject({
      Status: 'exited',
      Running: false,
      Pid: 0,
      ExitCode: 3,
      StartedAt: at,
      FinishedAt: at,
    })
    expect(stateJson(run(started, exited, started), undefined)).toMatchObject({
      ExitCode: 0,
      Running: true,
      Pid: 7,
    })
  })

  it('keeps a container that never started in created, with the cause', () => {
    const state = run({ type: 'failed', exitCode: 127, error: 'no such program' })
    expect(stateJson(state, undefined)).toMatchObject({
      Status: 'created',
      ExitCode: 127,
      Error: 'no such program',
    })
  })

  it('counts paused and restarting ones as running, as Docker does', () => {
    expect(stateJson(run(started, { type: 'paused' }), undefined)).toMatchObject({
      Running: true,
      Paused: true,
    })
    const restarting = run(started, { ...exited, restarting: true } as Transition)
    expect(stateJson(restarting, undefined)).toMatchObject({ Running: true, Restarting: true })
    expect(isRunning(restarting)).toBe(false)
  })

  it.each<[string, Transition[]]>([
    ['start what runs', [started, started]],
    ['pause what does not run', [{ type: 'paused' }]],
    ['resume what is not paused', [started, { type: 'resumed' }]],
    ['remove what runs', [started, { type: 'removing' }]],
    ['start what is being removed', [{ type: 'removing' }, started]],
    ['exit twice', [started, exited, exited]],
  ])('refuses to %s', (_what, changes) => {
    expect(() => run(...changes)).toThrow(expect.objectContaining({ kind: 'conflict' }) as Error)
  })
})

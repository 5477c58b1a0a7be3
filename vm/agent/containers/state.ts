/**
 * The life cycle of a container as one union, and the only function that moves it. created → running ⇄ paused →
 * exited → (running | removing); restarting is exited with a restart on its way.
 */
import type { ContainerStateJson, ContainerStatus, Health } from '../../api/containers.ts'
import { EngineError } from '../../api/errors.ts'

/** Docker's "never". */
export const ZERO_TIME = '0001-01-01T00:00:00Z'

/** How the last run went; kept through the next ones, as inspect shows it. */
export interface LastRun {
  startedAt: string
  finishedAt: string
  exitCode: number
  oomKilled: boolean
  error: string
}

export type LifeState =
  | { status: 'created' }
  | { status: 'running'; pid: number }
  | { status: 'paused'; pid: number }
  | { status: 'restarting' }
  | { status: 'exited' }
  | { status: 'removing' }
  | { status: 'dead' }

export type Transition =
  | { type: 'started'; pid: number; at: string }
  | { type: 'paused' }
  | { type: 'resumed' }
  | { type: 'exited'; exitCode: number; oomKilled: boolean; at: string; restarting: boolean }
  /** Starting failed: it never ran, but keeps the cause. */
  | { type: 'failed'; exitCode: number; error: string }
  /** A pending restart was called off. */
  | { type: 'settled' }
  | { type: 'removing' }
  | { type: 'dead'; error: string }

export interface State {
  life: LifeState
  last: LastRun
}

const ALLOWED: Record<Transition['type'], readonly ContainerStatus[]> = {
  started: ['created', 'exited', 'restarting'],
  paused: ['running'],
  resumed: ['paused'],
  exited: ['running', 'paused'],
  failed: ['created', 'exited', 'restarting'],
  settled: ['restarting'],
  removing: ['created', 'exited', 'restarting', 'dead', 'removing'],
  dead: ['removing', 'dead'],
}

export function newState(): State {
  return {
    life: { status: 'created' },
    last: { startedAt: ZERO_TIME, finishedAt: ZERO_TIME, exitCode: 0, oomKilled: false, error: '' },
  }
}

/** The state after `change`; conflict when the table does not allow it. */
export function transition(state: State, change: Transition): State {
  const from = state.life.status
  if (!ALLOWED[change.type].includes(from)) {
    throw new EngineError('conflict', `container is ${from}: cannot become ${change.type}`)
  }
  const { last } = state
  switch (change.type) {
    case 'started':
      return {
        life: { status: 'running', pid: change.pid },
        last: { ...last, startedAt: change.at, exitCode: 0, oomKilled: false, error: '' },
      }
    case 'paused':
      return { life: { status: 'paused', pid: pidOf(state) }, last }
    case 'resumed':
      return { life: { status: 'running', pid: pidOf(state) }, last }
    case 'exited':
      return {
        life: { status: change.restarting ? 'restarting' : 'exited' },
        last: { ...last, finishedAt: change.at, exitCode: change.exitCode, oomKilled: change.oomKilled },
      }
    case 'failed':
      return {
        life: { status: from === 'created' ? 'created' : 'exited' },
        last: { ...last, exitCode: change.exitCode, error: change.error },
      }
    case 'settled':
      return { life: { status: 'exited' }, last }
    case 'removing':
      return { life: { status: 'removing' }, last }
    case 'dead':
      return { life: { status: 'dead' }, last: { ...last, error: change.error } }
  }
}

export function pidOf({ life }: State): number {
  return 'pid' in life ? life.pid : 0
}

/** Whether the container's processes exist (paused ones do). */
export function isRunning({ life }: State): boolean {
  return life.status === 'running' || life.status === 'paused'
}

/** State as inspect shows it; Docker counts paused and restarting ones as running too. */
export function stateJson(state: State, health: Health | undefined): ContainerStateJson {
  const { life, last } = state
  return {
    Status: life.status,
    Running: isRunning(state) || life.status === 'restarting',
    Paused: life.status === 'paused',
    Restarting: life.status === 'restarting',
    OOMKilled: last.oomKilled,
    Dead: life.status === 'dead',
    Pid: pidOf(state),
    ExitCode: last.exitCode,
    Error: last.error,
    StartedAt: last.startedAt,
    FinishedAt: last.finishedAt,
    ...(health ? { Health: health } : {}),
  }
}

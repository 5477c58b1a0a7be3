/** The STATUS column of `docker ps`. Pure. */
import type { Health } from '../../api/containers.ts'
import { type State, ZERO_TIME } from './state.ts'
import { millisOf } from './timestamps.ts'

/** Docker's words for a length of time (go-units' HumanDuration). */
export function humanDuration(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  if (seconds < 1) return 'Less than a second'
  if (seconds === 1) return '1 second'
  if (seconds < 60) return `${seconds} seconds`
  const minutes = Math.floor(seconds / 60)
  if (minutes === 1) return 'About a minute'
  if (minutes < 60) return `${minutes} minutes`
  const hours = Math.floor(seconds / 3600 + 0.5)
  if (hours === 1) return 'About an hour'
  if (hours < 48) return `${hours} hours`
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`
  return `${Math.floor(seconds / 3600 / 24 / 365)} years`
}

export function statusText(state: State, health: Health | undefined, now = Date.now()): string {
  const { life, last } = state
  const ago = (time: string) => `${humanDuration(now - millisOf(time))} ago`
  switch (life.status) {
    case 'running':
    case 'paused': {
      const up = `Up ${humanDuration(now - millisOf(last.startedAt))}`
      if (life.status === 'paused') return `${up} (Paused)`
      if (!health || health.Status === 'none') return up
      return `${up} (${health.Status === 'starting' ? 'health: starting' : health.Status})`
    }
    case 'restarting':
      return `Restarting (${last.exitCode}) ${ago(last.finishedAt)}`
    case 'removing':
      return 'Removal In Progress'
    case 'dead':
      return 'Dead'
    case 'created':
      return 'Created'
    case 'exited':
      return last.finishedAt === ZERO_TIME ? 'Created' : `Exited (${last.exitCode}) ${ago(last.finishedAt)}`
  }
}

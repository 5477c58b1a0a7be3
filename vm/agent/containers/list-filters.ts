/** Filters of `docker ps` and `docker container prune`. */
import { EngineError } from '../../api/errors.ts'
import { matchesLabels } from '../volumes/filters.ts'
import type { Container } from './container.ts'
import { parsePortKey } from './port-spec.ts'
import { millisOf } from './timestamps.ts'

type Filters = Record<string, string[]>

const LIST_KEYS = [
  'ancestor',
  'before',
  'exited',
  'expose',
  'health',
  'id',
  'is-task',
  'isolation',
  'label',
  'name',
  'network',
  'publish',
  'since',
  'status',
  'volume',
]
const STATUSES = ['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead']

const HEALTHS = ['none', 'starting', 'healthy', 'unhealthy']

/** What the filters need to know beyond the container itself. */
export interface ListFacts {
  find(reference: string): Container
  /** The image and those made on top of it; none where there is no such image. */
  madeFrom(reference: string): Promise<string[]>
}

export type Predicate = (container: Container) => boolean

/** Compiles the filters once for the whole list. invalid_argument in Docker's words. */
export async function compileFilters(filters: Filters, facts: ListFacts): Promise<Predicate> {
  for (const key of Object.keys(filters)) {
    if (!LIST_KEYS.includes(key)) throw invalid(`invalid filter '${key}'`)
  }
  const tests: Predicate[] = [(c) => matchesLabels(c.record.config.Labels, { label: filters['label'] ?? [] })]
  const any = (key: string, test: (container: Container, value: string) => boolean) => {
    const values = filters[key]
    if (values && values.length > 0) tests.push((c) => values.some((value) => test(c, value)))
  }
  for (const status of filters['status'] ?? []) {
    if (!STATUSES.includes(status)) {
      throw invalid(
        `invalid filter 'status=${status}': invalid value for state (${status}): must be one of ${STATUSES.join(', ')}`,
      )
    }
  }
  for (const code of filters['exited'] ?? []) {
    if (!/^-?[0-9]+$/.test(code)) {
      throw invalid(`invalid filter 'exited=${code}': strconv.Atoi: parsing "${code}": invalid syntax`)
    }
  }
  for (const health of filters['health'] ?? []) {
    if (!HEALTHS.includes(health)) {
      throw invalid(
        `invalid filter 'health=${health}': invalid value for health (${health}): must be one of ${HEALTHS.join(', ')}`,
      )
    }
  }
  if (filters['is-task']?.some((value) => !/^(true|false|0|1)$/.test(value))) {
    throw invalid(`invalid filter 'is-task=[${filters['is-task'].join(' ')}]'`)
  }
  any('id', (c, value) => c.id.startsWith(value))
  any('name', (c, value) => matchesName(c.name, value))
  any('status', (c, value) => c.state.life.status === value)
  any(
    'exited',
    (c, value) => !c.running && c.state.life.status !== 'created' && c.state.last.exitCode === Number(value),
  )
  any('health', (c, value) => (c.health?.Status ?? 'none') === value)
  any('network', (c, value) => isOn(c, value))
  any('volume', (c, value) =>
    c.record.mounts.some((m) => m.Name === value || m.Destination === value || m.Source === value),
  )
  any('publish', ({ record }, value) =>
    hasPort(
      record.ports.map(({ hostPort, protocol }) => `${hostPort}/${protocol}`),
      value,
    ),
  )
  any('expose', (c, value) => hasPort(Object.keys(c.record.config.ExposedPorts ?? {}), value))
  any('is-task', (_c, value) => value !== 'true' && value !== '1')
  await addOrder(filters, facts, tests)
  const ancestors = filters['ancestor']
  if (ancestors) {
    const ids = (await Promise.all(ancestors.map((reference) => facts.madeFrom(reference)))).flat()
    tests.push((c) => ids.includes(c.record.image))
  }
  return (container) => tests.every((test) => test(container))
}

async function addOrder(filters: Filters, facts: ListFacts, tests: Predicate[]): Promise<void> {
  for (const value of filters['before'] ?? []) {
    const limit = facts.find(value).record.created
    tests.push((c) => c.record.created < limit)
  }
  for (const value of filters['since'] ?? []) {
    const limit = facts.find(value).record.created
    tests.push((c) => c.record.created > limit)
  }
}

/** Docker's name filter is a regular expression on the name with and without its slash. */
function matchesName(name: string, pattern: string): boolean {
  try {
    const expression = new RegExp(pattern)
    return expression.test(name) || expression.test(`/${name}`)
  } catch {
    return name.includes(pattern)
  }
}

/** By name, or by the beginning of an id. */
function isOn({ record }: Container, network: string): boolean {
  const ids = Object.values(record.endpoints).map((endpoint) => endpoint.NetworkID ?? '')
  return (
    network in record.networks ||
    record.hostConfig.NetworkMode === network ||
    (network !== '' && ids.some((id) => id.startsWith(network)))
  )
}

/** `80`, `80/udp`, `8000-8010`. */
function hasPort(keys: string[], wanted: string): boolean {
  const match = /^([0-9]+)(?:-([0-9]+))?(?:\/([a-z]+))?$/.exec(wanted)
  if (!match) throw invalid(`invalid filter 'publish=${wanted}'`)
  const first = Number(match[1])
  const last = Number(match[2] ?? first)
  return keys
    .map(parsePortKey)
    .some(({ port, protocol }) => port >= first && port <= last && protocol === (match[3] ?? 'tcp'))
}

export function checkPruneFilters(filters: Filters): void {
  for (const key of Object.keys(filters)) {
    if (!['until', 'label', 'label!'].includes(key)) throw invalid(`invalid filter '${key}'`)
  }
  const until = filters['until'] ?? []
  if (until.length > 1) throw invalid('more than one until filter specified')
  for (const text of until) parseUntil(text)
}

export function matchesPrune(container: Container, filters: Filters): boolean {
  const limits = (filters['until'] ?? []).map((text) => parseUntil(text))
  return (
    matchesLabels(container.record.config.Labels, filters) &&
    limits.every((limit) => millisOf(container.record.created) < limit)
  )
}

/** A Go duration back from now, Unix seconds, or a date; milliseconds since the epoch. */
export function parseUntil(text: string): number {
  if (/^[0-9]+(\.[0-9]+)?$/.test(text)) return Number(text) * 1000
  const units: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 }
  if (/^(?:[0-9]+(?:\.[0-9]+)?(?:h|ms|m|s))+$/.test(text)) {
    const parts = [...text.matchAll(/([0-9.]+)(h|ms|m|s)/g)]
    return (
      Date.now() - parts.reduce((sum, [, value, unit]) => sum + Number(value) * (units[unit ?? ''] ?? 0), 0)
    )
  }
  const date = Date.parse(text)
  if (Number.isNaN(date)) throw invalid(`failed to parse value as time or duration: "${text}"`)
  return date
}

function invalid(message: string): EngineError {
  return new EngineError('invalid_argument', message)
}

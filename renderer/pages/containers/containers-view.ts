import type { ContainerSummary } from '../../../vm/api/containers.ts'
import type { SortState } from '../../components/table.tsx'

/** The containers page as rows: filtered, sorted, grouped. Pure. */

export type Filter = 'all' | 'running' | 'stopped'
export type Sort = 'name' | 'image' | 'state' | 'created' | 'cpu' | 'memory'

export type ContainerRow =
  | {
      kind: 'group'
      key: string
      project: string
      containers: readonly ContainerSummary[]
      collapsed: boolean
    }
  | { kind: 'container'; key: string; container: ContainerSummary; nested: boolean }

export interface ViewOptions {
  filter: Filter
  query: string
  sort: SortState<Sort>
  collapsed: ReadonlySet<string>
  /** The last reading, for sorting by it. */
  sample: (id: string) => { cpu: number; memory: number } | undefined
}

const PROJECT = 'com.docker.compose.project'
const SERVICE = 'com.docker.compose.service'

export function isRunning({ State }: Pick<ContainerSummary, 'State'>): boolean {
  return State === 'running' || State === 'paused' || State === 'restarting'
}

/** The exit code that Docker's status line states (`Exited (137) 2 minutes ago`). */
export function exitCode({ State, Status }: Pick<ContainerSummary, 'State' | 'Status'>): number | undefined {
  if (State !== 'exited' && State !== 'dead') return undefined
  const match = /\((-?\d+)\)/.exec(Status)
  return match ? Number(match[1]) : undefined
}

/** Codes that a stop or a kill of the user's own leaves behind. */
export function hasFailed(container: Pick<ContainerSummary, 'State' | 'Status'>): boolean {
  const code = exitCode(container)
  return container.State === 'dead' || (code !== undefined && ![0, 130, 137, 143].includes(code))
}

/** What the engine's inspect adds to why a container does not run. */
export interface Ending {
  OOMKilled: boolean
  Error: string
  ExitCode: number
}

/** Why a container does not run, as a translation key; `other` is in the engine's own words. */
export interface Cause {
  key: 'oom' | 'notFound' | 'notExecutable' | 'program' | 'permission' | 'port' | 'path' | 'other'
  /** What it is about: a program, a port, a path, or the words. */
  what: string
}

const WORDS: [Cause['key'], RegExp][] = [
  ['program', /exec: "([^"]+)": (?:executable file not found|stat .*no such file)|exec (\S+): no such file/],
  ['permission', /exec: "([^"]+)": permission denied|exec (\S+): (?:permission denied|exec format error)/],
  [
    'port',
    /(?:Bind for \S+:|listen \S+ \S*:|exposing port \w+ \S+:|port )(\d+)\b.*(?:allocated|in use|taken)/i,
  ],
  ['path', /bind source path does not exist: (\S+)/],
]

/** The cause in a few words, or undefined when nothing went wrong. */
export function causeOf({ OOMKilled, Error: error, ExitCode }: Ending): Cause | undefined {
  if (OOMKilled) return { key: 'oom', what: '' }
  for (const [key, pattern] of WORDS) {
    const match = pattern.exec(error)
    if (match) return { key, what: match[1] ?? match[2] ?? '' }
  }
  if (error !== '') return { key: 'other', what: shortCause(error) }
  if (ExitCode === 127) return { key: 'notFound', what: '' }
  return ExitCode === 126 ? { key: 'notExecutable', what: '' } : undefined
}

/** A kill may have been the kernel's, and a container that was only created may have failed to start. */
export function mayHaveFailed(container: Pick<ContainerSummary, 'State' | 'Status'>): boolean {
  return hasFailed(container) || exitCode(container) === 137 || container.State === 'created'
}

/** What went wrong without the chain of programs that passed it on, which begins every failed start in Docker's words. */
export function shortCause(error: string): string {
  return error
    .replace(
      /^failed to create task.*?unable to start container process: (error during container init: )?/,
      '',
    )
    .replace(/^failed to create task for container: /, '')
}

export function healthOf({
  Status,
}: Pick<ContainerSummary, 'Status'>): 'healthy' | 'unhealthy' | 'starting' | undefined {
  const match = /\((healthy|unhealthy|health: starting)\)/.exec(Status)
  return match?.[1] === 'health: starting' ? 'starting' : (match?.[1] as 'healthy' | 'unhealthy' | undefined)
}

export function rowName(container: ContainerSummary, nested: boolean): string {
  const name = container.Names[0]?.replace(/^\//, '') ?? container.Id.slice(0, 12)
  if (!nested) return name
  const project = container.Labels[PROJECT] ?? ''
  const short =
    name.startsWith(`${project}-`) || name.startsWith(`${project}_`) ? name.slice(project.length + 1) : name
  const service = container.Labels[SERVICE]
  return service && short === `${service}-1` ? service : short
}

function matches(container: ContainerSummary, words: readonly string[]): boolean {
  if (words.length === 0) return true
  const ports = container.Ports.map((port) => `${port.PublicPort ?? ''}:${port.PrivatePort}`)
  const text = [
    ...container.Names,
    container.Image,
    container.Id.slice(0, 12),
    container.Labels[PROJECT] ?? '',
    ...ports,
  ]
    .join(' ')
    .toLowerCase()
  return words.every((word) => text.includes(word))
}

const STATES = ['running', 'restarting', 'paused', 'created', 'exited', 'removing', 'dead']

/** Made once: `localeCompare` with options makes one for each comparison. */
const { compare: collate } = new Intl.Collator(undefined, { numeric: true })

function compare(a: ContainerSummary, b: ContainerSummary, { sort, sample }: ViewOptions): number {
  const name = collate(rowName(a, false), rowName(b, false))
  const sign = sort.descending ? -1 : 1
  switch (sort.by) {
    case 'name':
      return sign * name
    case 'image':
      return sign * collate(a.Image, b.Image) || name
    case 'state':
      return sign * (STATES.indexOf(a.State) - STATES.indexOf(b.State)) || name
    case 'created':
      return sign * (b.Created - a.Created) || name
    case 'cpu':
    case 'memory':
      return sign * ((sample(b.Id)?.[sort.by] ?? -1) - (sample(a.Id)?.[sort.by] ?? -1)) || name
  }
}

export function containerRows(containers: readonly ContainerSummary[], options: ViewOptions): ContainerRow[] {
  const words = options.query.toLowerCase().split(/\s+/).filter(Boolean)
  const shown = containers
    .filter((one) => options.filter === 'all' || isRunning(one) === (options.filter === 'running'))
    .filter((one) => matches(one, words))
    .sort((a, b) => compare(a, b, options))
  const groups = new Map<string, ContainerSummary[]>()
  for (const container of shown) {
    const project = container.Labels[PROJECT] ?? ''
    const group = groups.get(project)
    if (group) group.push(container)
    else groups.set(project, [container])
  }
  const projects = [...groups.keys()].filter(Boolean).sort(collate)
  const rows: ContainerRow[] = projects.flatMap((project) => {
    const members = groups.get(project) ?? []
    const collapsed = options.collapsed.has(project) && words.length === 0
    const head: ContainerRow = {
      kind: 'group',
      key: `group:${project}`,
      project,
      containers: members,
      collapsed,
    }
    return collapsed ? [head] : [head, ...members.map((one) => toRow(one, true))]
  })
  return [...rows, ...(groups.get('') ?? []).map((one) => toRow(one, false))]
}

function toRow(container: ContainerSummary, nested: boolean): ContainerRow {
  return { kind: 'container', key: container.Id, container, nested }
}

/** Whether two rows show the same. What was read in one answer of the engine is compared by identity alone. */
export function sameRow(a: ContainerRow, b: ContainerRow): boolean {
  if (a.kind === 'container' && b.kind === 'container')
    return a.nested === b.nested && sameContainer(a.container, b.container)
  return (
    a.kind === 'group' &&
    b.kind === 'group' &&
    a.project === b.project &&
    a.collapsed === b.collapsed &&
    a.containers.length === b.containers.length &&
    a.containers.every((one, index) => sameContainer(one, b.containers[index]))
  )
}

function sameContainer(a: ContainerSummary, b: ContainerSummary | undefined): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}

export interface PortChip {
  text: string
  ip: string | undefined
  port: number
  protocol: string
}

/** Published ports, each once though Docker lists both address families. */
export function portChips({ Ports }: Pick<ContainerSummary, 'Ports'>): PortChip[] {
  const chips = new Map<string, PortChip>()
  for (const { IP, PublicPort, PrivatePort, Type } of Ports) {
    if (PublicPort === undefined) continue
    const text = `${PublicPort}:${PrivatePort}${Type === 'tcp' ? '' : `/${Type}`}`
    if (!chips.has(text)) chips.set(text, { text, ip: IP, port: PublicPort, protocol: Type })
  }
  return [...chips.values()]
}

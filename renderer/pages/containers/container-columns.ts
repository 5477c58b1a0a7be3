import { CONTAINER_COLUMNS, type ContainerColumn } from '../../../app/settings-schema.ts'

/** What each column needs and may take, in pixels and shares. */
const SPEC: Record<ContainerColumn, { least: number; track: string }> = {
  id: { least: 96, track: '96px' },
  image: { least: 110, track: 'minmax(110px, 1.2fr)' },
  command: { least: 110, track: 'minmax(110px, 1.2fr)' },
  state: { least: 124, track: 'minmax(124px, 1.6fr)' },
  ports: { least: 96, track: 'minmax(96px, 1.3fr)' },
  cpu: { least: 104, track: '104px' },
  memory: { least: 124, track: '124px' },
  created: { least: 88, track: '88px' },
}
/** What goes first where the window is too narrow for all of it. */
const FIRST_TO_GO: readonly ContainerColumn[] = [
  'created',
  'memory',
  'id',
  'command',
  'image',
  'cpu',
  'ports',
]
const NAME = 150
const GAP = 14
/** The check mark, the buttons and the margins around the row. */
const FIXED = 18 + 60 + 40

/** The chosen columns that fit into `width`, in their order. Pure. */
export function fittingColumns(chosen: readonly ContainerColumn[], width: number): ContainerColumn[] {
  const shown = new Set(chosen)
  const needed = (): number =>
    [...shown].reduce((sum, key) => sum + SPEC[key].least + GAP, FIXED + NAME + 2 * GAP)
  for (const key of FIRST_TO_GO) {
    if (needed() <= width) break
    shown.delete(key)
  }
  return CONTAINER_COLUMNS.filter((key) => shown.has(key))
}

/** `grid-template-columns` of a row. */
export function gridOf(columns: readonly ContainerColumn[]): string {
  return ['18px', `minmax(${NAME}px, 1.8fr)`, ...columns.map((key) => SPEC[key].track), '60px'].join(' ')
}

/** The choice with one column more or less. */
export function toggled(chosen: readonly ContainerColumn[], key: ContainerColumn): ContainerColumn[] {
  return CONTAINER_COLUMNS.filter((one) => (one === key ? !chosen.includes(one) : chosen.includes(one)))
}

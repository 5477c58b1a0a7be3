import { Box, Columns3, Play, Plus, RotateCw, Square, Terminal, Trash2, X } from 'lucide-react'
import {
  type KeyboardEvent,
  memo,
  useCallback,
  useDeferredValue,
  useEffect,
  useMemo,
  useRef,
  useState,
} from 'react'
import { CONTAINER_COLUMNS, type ContainerColumn } from '../../../app/settings-schema.ts'
import type { ContainerSummary } from '../../../vm/api/containers.ts'
import { canDo, doToContainers, nameOf, removeContainers, renameContainer } from '../../actions.ts'
import { call } from '../../api.ts'
import { Button, IconButton } from '../../components/button.tsx'
import { EngineGate } from '../../components/engine-gate.tsx'
import { SearchInput, Segments } from '../../components/field.tsx'
import { type MenuEntry, openMenu } from '../../components/menu.tsx'
import { Page } from '../../components/page.tsx'
import { Blank, Loaded } from '../../components/states.tsx'
import { type Column, type SortState, Table } from '../../components/table.tsx'
import { notifyError } from '../../components/toast.tsx'
import { showDialog } from '../../dialogs.ts'
import { count } from '../../format.ts'
import { t, useI18n } from '../../i18n.ts'
import { useContainers } from '../../queries.ts'
import { go } from '../../router.ts'
import { session } from '../../session.ts'
import { useOnline } from '../../session-hooks.ts'
import { lastSample, watchStats } from '../../stats.ts'
import { useStore } from '../../store.ts'
import { fittingColumns, gridOf, toggled } from './container-columns.ts'
import { containerMenu } from './container-menu.ts'
import { ContainerCells, GroupCells } from './container-row.tsx'
import {
  type ContainerRow,
  containerRows,
  type Filter,
  isRunning,
  type Sort,
  sameRow,
} from './containers-view.ts'
import './containers.css'

/** Kept while the window lives, so that coming back finds the page as it was left. */
const kept = {
  filter: 'all' as Filter,
  query: '',
  sort: { by: 'name', descending: false } as SortState<Sort>,
  collapsed: new Set<string>() as ReadonlySet<string>,
}

function useKept<K extends keyof typeof kept>(key: K): [(typeof kept)[K], (value: (typeof kept)[K]) => void] {
  const [value, set] = useState(kept[key])
  return [
    value,
    (next) => {
      kept[key] = next
      set(next)
    },
  ]
}

export function ContainersPage() {
  const { t, locale } = useI18n()
  const online = useOnline()
  const containers = useContainers()
  const [filter, setFilter] = useKept('filter')
  const [query, setQuery] = useKept('query')
  // Letters appear at once; the rows follow as fast as the window can.
  const deferred = useDeferredValue(query)
  const all = 'data' in containers ? (containers.data ?? []) : []
  const running = all.filter(isRunning).length
  const counted = (value: number): string | undefined => (all.length > 0 ? count(value, locale) : undefined)
  const bar = all.length > 0 && (
    <>
      <Segments
        label={t('containers.filter')}
        value={filter}
        onChange={setFilter}
        options={[
          { value: 'all', label: t('containers.all'), count: counted(all.length) },
          { value: 'running', label: t('containers.running'), count: counted(running) },
          { value: 'stopped', label: t('containers.stopped'), count: counted(all.length - running) },
        ]}
      />
      <span className="grow" />
      <SearchInput value={query} onChange={setQuery} placeholder={t('containers.search')} />
      <IconButton
        icon={Columns3}
        label={t('containers.columns')}
        onClick={(event) => openMenu(columnsMenu(), event.currentTarget)}
      />
    </>
  )
  return (
    <Page
      title={t('nav.containers')}
      bar={bar}
      actions={
        <Button kind="primary" disabled={!online} icon={Plus} onClick={() => showDialog({ kind: 'run' })}>
          {t('containers.run')}
        </Button>
      }
    >
      <EngineGate>
        <Loaded resource={containers} tags={['containers']}>
          {(data) =>
            data.length === 0 ? (
              <NoContainers />
            ) : (
              <ContainerTable containers={data} filter={filter} query={deferred} />
            )
          }
        </Loaded>
      </EngineGate>
    </Page>
  )
}

function NoContainers() {
  const { t } = useI18n()
  return (
    <Blank icon={Box} title={t('containers.empty')} text={t('containers.emptyText')}>
      <Button kind="primary" icon={Play} onClick={() => go('welcome')}>
        {t('containers.runWelcome')}
      </Button>
      <Button icon={Terminal} onClick={() => showDialog({ kind: 'run' })}>
        {t('containers.runImage')}
      </Button>
    </Blank>
  )
}

const rowHeight = (row: ContainerRow): number => (row.kind === 'group' ? 36 : 46)
const keyOf = (row: ContainerRow): string => row.key
const isHeader = (row: ContainerRow): boolean => row.kind === 'group'
const NONE: ReadonlySet<string> = new Set()

const ContainerTable = memo(function ContainerTable({
  containers,
  filter,
  query,
}: {
  containers: readonly ContainerSummary[]
  filter: Filter
  query: string
}) {
  const { t } = useI18n()
  const [sort, setSort] = useKept('sort')
  const [collapsed, setCollapsed] = useKept('collapsed')
  const [chosen, setChosen] = useState<ReadonlySet<string>>(NONE)
  const [tick, setTick] = useState(0)
  useEffect(watchStats, [])
  const byLoad = sort.by === 'cpu' || sort.by === 'memory'
  useEffect(() => {
    if (!byLoad) return
    const timer = setInterval(() => setTick((before) => before + 1), 3000)
    return () => clearInterval(timer)
  }, [byLoad])
  const rows = useStableRows(
    // biome-ignore lint/correctness/useExhaustiveDependencies: tick re-sorts by fresh readings
    useMemo(
      () => containerRows(containers, { filter, query, sort, collapsed, sample: lastSample }),
      [containers, filter, query, sort, collapsed, tick],
    ),
  )
  const selected = useMemo(() => containers.filter((one) => chosen.has(one.Id)), [containers, chosen])
  const selectedRef = useRef(selected)
  selectedRef.current = selected
  const collapsedRef = useRef(collapsed)
  collapsedRef.current = collapsed
  const setCollapsedRef = useRef(setCollapsed)
  setCollapsedRef.current = setCollapsed
  const toggleGroup = useCallback((project: string): void => {
    const next = new Set(collapsedRef.current)
    if (!next.delete(project)) next.add(project)
    setCollapsedRef.current(next)
  }, [])
  const targetsOf = useCallback((row: ContainerRow): readonly ContainerSummary[] => {
    if (row.kind === 'group') return row.containers
    const among = selectedRef.current.some((one) => one.Id === row.container.Id)
    return among ? selectedRef.current : [row.container]
  }, [])
  const [measure, shown] = useShownColumns()
  const render = useCallback(
    (row: ContainerRow, state: { selected: boolean }) =>
      row.kind === 'group' ? (
        <GroupCells
          project={row.project}
          containers={row.containers}
          collapsed={row.collapsed}
          onToggle={() => toggleGroup(row.project)}
        />
      ) : (
        <ContainerCells
          container={row.container}
          nested={row.nested}
          columns={shown}
          selected={state.selected}
          targets={() => targetsOf(row)}
        />
      ),
    [toggleGroup, targetsOf, shown],
  )
  const onKey = (event: KeyboardEvent, row: ContainerRow | undefined): boolean =>
    row !== undefined && rowKey(event, row, targetsOf(row), toggleGroup)
  const columns: Column<Sort>[] = [
    { key: 'check', label: t('column.select'), hidden: true },
    { key: 'name', label: t('column.name'), sort: 'name' },
    ...shown.map((key) => ({ key, label: t(`column.${key}`), ...(SORTED[key] && { sort: SORTED[key] }) })),
    { key: 'actions', label: t('column.actions'), hidden: true },
  ]
  if (rows.length === 0)
    return <Blank icon={Box} title={t('containers.noMatch')} text={t('containers.noMatchText')} />
  return (
    <div className="containers-box" ref={measure}>
      <Table
        label={t('nav.containers')}
        className="containers"
        grid={gridOf(shown)}
        headerMenu={columnsMenu}
        items={rows}
        keyOf={keyOf}
        rowHeight={rowHeight}
        isHeader={isHeader}
        columns={columns}
        sort={sort}
        onSort={setSort}
        render={render}
        selection={chosen}
        onSelect={setChosen}
        onOpen={(row) =>
          row.kind === 'group' ? toggleGroup(row.project) : go('containers', row.container.Id, 'logs')
        }
        menu={(row) => containerMenu(targetsOf(row))}
        onKey={onKey}
      />
      {selected.length > 1 && <SelectionBar containers={selected} onClear={() => setChosen(NONE)} />}
    </div>
  )
})

const SORTED: Partial<Record<ContainerColumn, Sort>> = {
  image: 'image',
  state: 'state',
  cpu: 'cpu',
  memory: 'memory',
  created: 'created',
}
const USUAL: readonly ContainerColumn[] = ['state', 'ports', 'cpu', 'memory', 'created']

/** The chosen columns that fit beside each other in the element that the ref is given to. */
function useShownColumns(): [(element: HTMLElement | null) => (() => void) | undefined, ContainerColumn[]] {
  const chosen = useStore(session, ({ settings }) => settings?.containerColumns ?? USUAL)
  const [width, setWidth] = useState(1060)
  const measure = useCallback((element: HTMLElement | null) => {
    if (!element) return undefined
    const observer = new ResizeObserver(() => setWidth(element.clientWidth))
    observer.observe(element)
    return () => observer.disconnect()
  }, [])
  return [measure, useMemo(() => fittingColumns(chosen, width), [chosen, width])]
}

/** Which columns the list has, kept in the settings. */
function columnsMenu(): MenuEntry[] {
  const chosen = (): readonly ContainerColumn[] => session.get().settings?.containerColumns ?? USUAL
  return CONTAINER_COLUMNS.map((key) => ({
    label: t(`column.${key}`),
    checked: chosen().includes(key),
    run: () => {
      call('settings.set', [{ containerColumns: toggled(chosen(), key) }]).then(
        (settings) => session.patch({ settings }),
        (error: unknown) => notifyError(t('settings.failed'), error),
      )
    },
  }))
}

/** Keeps the identity of rows that did not change, so that a refetch redraws only what is new. */
function useStableRows(rows: readonly ContainerRow[]): readonly ContainerRow[] {
  const before = useRef<readonly ContainerRow[]>([])
  return useMemo(() => {
    const old = new Map(before.current.map((row) => [row.key, row]))
    const stable = rows.map((row) => {
      const same = old.get(row.key)
      return same && sameRow(same, row) ? same : row
    })
    before.current = stable
    return stable
  }, [rows])
}

/** The page's own keys on a row; each is also in the row's menu. */
function rowKey(
  event: KeyboardEvent,
  row: ContainerRow,
  targets: readonly ContainerSummary[],
  toggle: (project: string) => void,
): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return false
  const only = targets.length === 1 ? targets[0] : undefined
  switch (event.key) {
    case 'Delete':
    case 'Backspace':
      removeContainers(targets)
      return true
    case 's':
      void doToContainers(targets.some((one) => canDo('start', one)) ? 'start' : 'stop', targets)
      return true
    case 'r':
      void doToContainers('restart', targets)
      return true
    case 'p':
      void doToContainers(targets.some((one) => canDo('pause', one)) ? 'pause' : 'unpause', targets)
      return true
    case 'l':
    case 't':
      if (only) go('containers', only.Id, event.key === 'l' ? 'logs' : 'terminal')
      return true
    case 'e':
      if (only) showDialog({ kind: 'edit', id: only.Id })
      return true
    case 'F2':
      if (only) renameContainer(only.Id, nameOf(only))
      return true
    case 'ArrowLeft':
    case 'ArrowRight':
      if (row.kind !== 'group' || row.collapsed === (event.key === 'ArrowLeft')) return false
      toggle(row.project)
      return true
    default:
      return false
  }
}

function SelectionBar({
  containers,
  onClear,
}: {
  containers: readonly ContainerSummary[]
  onClear: () => void
}) {
  const { t, locale } = useI18n()
  // Toasts keep clear of it.
  useEffect(() => {
    document.documentElement.dataset['selection'] = ''
    return () => {
      delete document.documentElement.dataset['selection']
    }
  }, [])
  const some = (verb: 'start' | 'stop' | 'restart'): boolean => containers.some((one) => canDo(verb, one))
  return (
    <div className="selection-bar" role="toolbar" aria-label={t('containers.selection')}>
      <span className="num">
        {t('common.selected', { count: containers.length, shown: count(containers.length, locale) })}
      </span>
      <span className="grow" />
      <Button
        kind="ghost"
        icon={Play}
        disabled={!some('start')}
        onClick={() => void doToContainers('start', containers)}
      >
        {t('verb.start')}
      </Button>
      <Button
        kind="ghost"
        icon={Square}
        disabled={!some('stop')}
        onClick={() => void doToContainers('stop', containers)}
      >
        {t('verb.stop')}
      </Button>
      <Button
        kind="ghost"
        icon={RotateCw}
        disabled={!some('restart')}
        onClick={() => void doToContainers('restart', containers)}
      >
        {t('verb.restart')}
      </Button>
      <Button kind="ghost" icon={Trash2} onClick={() => removeContainers(containers)}>
        {t('common.delete')}
      </Button>
      <IconButton icon={X} label={t('common.clearSelection')} onClick={onClear} />
    </div>
  )
}

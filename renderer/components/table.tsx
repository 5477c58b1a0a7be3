import { useVirtualizer } from '@tanstack/react-virtual'
import { ArrowDown, ArrowUp } from 'lucide-react'
import {
  type CSSProperties,
  type KeyboardEvent,
  type MouseEvent,
  memo,
  type ReactNode,
  useEffect,
  useId,
  useMemo,
  useRef,
  useState,
} from 'react'
import { moveActive, nextSelection } from '../lib/selection.ts'
import { isMod } from './keys.tsx'
import { type MenuEntry, openMenu } from './menu.tsx'
import './table.css'

export interface Column<S extends string> {
  key: string
  label: string
  /** Present: the header sorts by it. */
  sort?: S
  align?: 'end'
  /** The label is for screen readers only. */
  hidden?: boolean
}
export interface SortState<S extends string> {
  by: S
  descending: boolean
}

interface TableProps<T, S extends string> {
  label: string
  /** CSS class that sets `grid-template-columns` for header and rows. */
  className: string
  items: readonly T[]
  keyOf: (item: T) => string
  /** Height of one row in pixels. */
  rowHeight: (item: T) => number
  columns: readonly Column<S>[]
  /** Tracks of the columns, where they change; otherwise the class sets them. */
  grid?: string
  /** Shown by a right click on the header. */
  headerMenu?: () => readonly MenuEntry[]
  sort?: SortState<S>
  onSort?: (sort: SortState<S>) => void
  /** The cells of one row. Must be pure in its arguments: rows are memoised. */
  render: (item: T, state: { selected: boolean; active: boolean }) => ReactNode
  selection?: ReadonlySet<string>
  onSelect?: (keys: ReadonlySet<string>) => void
  onOpen?: (item: T) => void
  menu?: (item: T) => readonly MenuEntry[]
  /** Keys beyond those of every table; true when taken. */
  onKey?: (event: KeyboardEvent, item: T | undefined) => boolean
  /** Items that cannot be selected or opened (group headers) but can be passed with the arrows. */
  isHeader?: (item: T) => boolean
}

const NONE: ReadonlySet<string> = new Set()

/**
 * A virtualised list with columns. One tab stop: arrows move, Space selects, Shift extends, Ctrl/Cmd+A takes all,
 * Enter opens, the menu key or a right click shows the row's menu.
 */
export function Table<T, S extends string>(props: TableProps<T, S>) {
  const { items, keyOf, rowHeight, selection = NONE, onSelect, isHeader } = props
  const id = useId()
  const scroller = useRef<HTMLDivElement>(null)
  const anchor = useRef<string | undefined>(undefined)
  const [activeKey, setActiveKey] = useState<string | undefined>(undefined)
  const [focused, setFocused] = useState(false)
  const found = items.findIndex((item) => keyOf(item) === activeKey)
  const active = Math.max(0, found)
  const virtual = useVirtualizer({
    count: items.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => rowHeight(items[index] as T),
    getItemKey: (index) => keyOf(items[index] as T),
    overscan: 6,
  })
  // biome-ignore lint/correctness/useExhaustiveDependencies: sizes follow the items
  useEffect(() => virtual.measure(), [items])

  const keys = (): string[] => items.filter((item) => !isHeader?.(item)).map(keyOf)
  const moveTo = (index: number, extend: boolean): void => {
    const item = items[index]
    if (!item) return
    setActiveKey(keyOf(item))
    virtual.scrollToIndex(index)
    if (extend && onSelect) {
      anchor.current ??= keyOf(items[active] as T)
      onSelect(nextSelection(keys(), selection, keyOf(item), { range: anchor.current }))
    } else anchor.current = keyOf(item)
  }
  const pick = (item: T, event: MouseEvent): void => {
    const key = keyOf(item)
    setActiveKey(key)
    scroller.current?.parentElement?.focus()
    if (isHeader?.(item) || !onSelect) return
    if (event.shiftKey) onSelect(nextSelection(keys(), selection, key, { range: anchor.current ?? key }))
    else {
      anchor.current = key
      onSelect(isMod(event) ? nextSelection(keys(), selection, key, { toggle: true }) : new Set([key]))
    }
  }
  const showMenu = (item: T, at: Element | { x: number; y: number }): void => {
    const key = keyOf(item)
    setActiveKey(key)
    if (!isHeader?.(item) && onSelect && !selection.has(key)) onSelect(new Set([key]))
    scroller.current?.parentElement?.focus()
    const entries = props.menu?.(item) ?? []
    if (entries.length > 0) openMenu(entries, at)
  }
  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>): void => {
    if (event.target !== event.currentTarget) return
    const item = items[active]
    const move = moveActive(
      event.key,
      active,
      items.length,
      Math.floor((scroller.current?.clientHeight ?? 400) / 44),
    )
    if (move !== undefined) moveTo(move, event.shiftKey)
    else if (event.key === 'Enter' && item) props.onOpen?.(item)
    else if (event.key === ' ' && item && onSelect && !isHeader?.(item))
      onSelect(nextSelection(keys(), selection, keyOf(item), { toggle: true }))
    else if (event.key === 'a' && isMod(event) && onSelect) onSelect(new Set(keys()))
    else if (event.key === 'Escape' && selection.size > 0 && onSelect) onSelect(NONE)
    else if ((event.key === 'ContextMenu' || (event.key === 'F10' && event.shiftKey)) && item) {
      const row = scroller.current?.querySelector(`[data-index="${active}"]`)
      if (row) showMenu(item, row)
    } else if (!props.onKey?.(event, item)) return
    event.preventDefault()
  }

  return (
    // biome-ignore lint/a11y/useSemanticElements: a grid of divs, since rows are virtual
    <div
      className={`table ${props.className}`}
      role="grid"
      aria-label={props.label}
      aria-rowcount={items.length + 1}
      aria-multiselectable={onSelect !== undefined}
      aria-activedescendant={items.length > 0 ? `${id}-${active}` : undefined}
      tabIndex={0}
      onKeyDown={onKeyDown}
      style={props.grid ? ({ '--columns': props.grid } as CSSProperties) : undefined}
      onFocus={() => setFocused(true)}
      onBlur={() => setFocused(false)}
    >
      <Header columns={props.columns} sort={props.sort} onSort={props.onSort} menu={props.headerMenu} />
      {/* biome-ignore lint/a11y/useSemanticElements: a virtual list cannot be a tbody */}
      <div className="table-scroll" role="rowgroup" ref={scroller}>
        <div role="presentation" className="table-sizer" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((row) => {
            const item = items[row.index]
            if (item === undefined) return null
            const key = keyOf(item)
            return (
              <Row
                key={row.key}
                id={`${id}-${row.index}`}
                index={row.index}
                top={row.start}
                height={row.size}
                item={item}
                selected={selection.has(key)}
                active={focused && row.index === active}
                header={isHeader?.(item) ?? false}
                render={
                  props.render as (item: unknown, state: { selected: boolean; active: boolean }) => ReactNode
                }
                onPick={(event) => pick(item, event)}
                onOpen={() => props.onOpen?.(item)}
                onMenu={(event) => {
                  event.preventDefault()
                  showMenu(item, { x: event.clientX, y: event.clientY })
                }}
              />
            )
          })}
        </div>
      </div>
    </div>
  )
}

interface HeaderProps<S extends string> {
  columns: readonly Column<S>[]
  sort: SortState<S> | undefined
  onSort: ((sort: SortState<S>) => void) | undefined
  menu: (() => readonly MenuEntry[]) | undefined
}

function Header<S extends string>({ columns, sort, onSort, menu }: HeaderProps<S>) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a grid of divs
    <div
      role="rowgroup"
      className="table-head"
      onContextMenu={(event) => {
        if (!menu) return
        event.preventDefault()
        openMenu(menu(), { x: event.clientX, y: event.clientY })
      }}
    >
      {/* biome-ignore lint/a11y/useSemanticElements: a grid of divs */}
      {/* biome-ignore lint/a11y/useFocusableInteractive: the grid is the tab stop */}
      <div role="row" className="table-row table-head-row">
        {columns.map((column) => (
          // biome-ignore lint/a11y/useSemanticElements: a grid of divs
          // biome-ignore lint/a11y/useFocusableInteractive: the grid is the tab stop
          <span
            key={column.key}
            role="columnheader"
            className={column.align === 'end' ? 'cell cell-end' : 'cell'}
            data-column={column.key}
            aria-sort={
              sort && column.sort === sort.by ? (sort.descending ? 'descending' : 'ascending') : undefined
            }
          >
            {column.sort && onSort ? (
              <button
                type="button"
                className="table-sort"
                tabIndex={-1}
                onClick={() =>
                  onSort({
                    by: column.sort as S,
                    descending: sort?.by === column.sort && sort?.descending === false,
                  })
                }
              >
                {column.label}
                {sort &&
                  sort.by === column.sort &&
                  (sort.descending ? <ArrowDown size={11} aria-hidden /> : <ArrowUp size={11} aria-hidden />)}
              </button>
            ) : (
              <span className={column.hidden ? 'visually-hidden' : undefined}>{column.label}</span>
            )}
          </span>
        ))}
      </div>
    </div>
  )
}

interface RowProps {
  id: string
  index: number
  top: number
  height: number
  item: unknown
  selected: boolean
  active: boolean
  header: boolean
  render: (item: unknown, state: { selected: boolean; active: boolean }) => ReactNode
  onPick: (event: MouseEvent) => void
  onOpen: () => void
  onMenu: (event: MouseEvent) => void
}

const Row = memo(function Row(props: RowProps) {
  const { item, selected, active, header, render } = props
  // A row that only moves keeps its cells.
  const cells = useMemo(() => render(item, { selected, active }), [render, item, selected, active])
  return (
    // biome-ignore lint/a11y/useSemanticElements: a grid of divs
    // biome-ignore lint/a11y/useFocusableInteractive: the grid is the tab stop
    // biome-ignore lint/a11y/useKeyWithClickEvents: the grid takes the keys
    <div
      role="row"
      id={props.id}
      data-index={props.index}
      className={header ? 'table-row table-group' : 'table-row'}
      aria-rowindex={props.index + 2}
      aria-selected={header ? undefined : selected}
      data-active={active ? '' : undefined}
      style={{ height: props.height, transform: `translateY(${props.top}px)` }}
      onClick={(event) => !isControl(event.target) && props.onPick(event)}
      onDoubleClick={(event) => !isControl(event.target) && props.onOpen()}
      onContextMenu={props.onMenu}
    >
      {cells}
    </div>
  )
}, sameRow)

function sameRow(a: RowProps, b: RowProps): boolean {
  return (
    a.item === b.item &&
    a.selected === b.selected &&
    a.active === b.active &&
    a.top === b.top &&
    a.height === b.height &&
    a.index === b.index &&
    a.render === b.render
  )
}

function isControl(target: EventTarget): boolean {
  return target instanceof Element && target.closest('button, a, input') !== null
}

interface CellProps {
  column: string
  end?: boolean
  children?: ReactNode
}

export function Cell({ column, end = false, children }: CellProps) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a grid of divs
    // biome-ignore lint/a11y/useFocusableInteractive: the grid is the tab stop
    <div role="gridcell" className={end ? 'cell cell-end' : 'cell'} data-column={column}>
      {children}
    </div>
  )
}

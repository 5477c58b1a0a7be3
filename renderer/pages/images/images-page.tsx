import { ArrowDownToLine, FolderInput, Hammer, Layers, MoreHorizontal, Play } from 'lucide-react'
import { useCallback, useMemo, useRef, useState } from 'react'
import type { ImageSummary } from '../../../vm/api/images.ts'
import { busy, doomed } from '../../actions.ts'
import { Button, IconButton, RowButton } from '../../components/button.tsx'
import { EngineGate } from '../../components/engine-gate.tsx'
import { RowCheck, SearchInput, Segments } from '../../components/field.tsx'
import { openMenu } from '../../components/menu.tsx'
import { Page } from '../../components/page.tsx'
import { Blank, Loaded } from '../../components/states.tsx'
import { Badge } from '../../components/status.tsx'
import { Cell, type SortState, Table } from '../../components/table.tsx'
import { showDialog } from '../../dialogs.ts'
import { ago, bytes, shortId } from '../../format.ts'
import { useI18n } from '../../i18n.ts'
import { useContainers, useImages } from '../../queries.ts'
import { go } from '../../router.ts'
import { useOnline } from '../../session-hooks.ts'
import { useStore } from '../../store.ts'
import { imageMenu, loadImages, removeImages, rowLabel } from './image-actions.ts'
import { type ImageFilter, type ImageRow, type ImageSort, imageRows } from './images-view.ts'
import { TaskList } from './task-list.tsx'
import './images.css'

export function ImagesPage() {
  const { t, locale } = useI18n()
  const online = useOnline()
  const images = useImages()
  const [query, setQuery] = useState('')
  const [filter, setFilter] = useState<ImageFilter>('all')
  const all = 'data' in images ? (images.data ?? []) : []
  const total = all.reduce((sum, image) => sum + image.Size, 0)
  return (
    <Page
      title={t('nav.images')}
      aside={
        all.length > 0 && (
          <span className="faint num nowrap">{t('images.total', { size: bytes(total, locale) })}</span>
        )
      }
      actions={
        <>
          <IconButton
            icon={FolderInput}
            disabled={!online}
            label={t('images.load')}
            onClick={() => void loadImages()}
          />
          <Button disabled={!online} icon={Hammer} onClick={() => showDialog({ kind: 'build' })}>
            {t('images.build')}
          </Button>
          <Button
            kind="primary"
            disabled={!online}
            icon={ArrowDownToLine}
            onClick={() => showDialog({ kind: 'pull' })}
          >
            {t('images.pull')}
          </Button>
        </>
      }
      bar={
        all.length > 0 && (
          <>
            <Segments
              label={t('images.filter')}
              value={filter}
              onChange={setFilter}
              options={(['all', 'used', 'unused', 'dangling'] as const).map((value) => ({
                value,
                label: t(`images.filters.${value}`),
              }))}
            />
            <span className="grow" />
            <SearchInput value={query} onChange={setQuery} placeholder={t('images.search')} />
          </>
        )
      }
    >
      <EngineGate>
        <TaskList kinds={['pull', 'push', 'load', 'save', 'build']} />
        <Loaded resource={images} tags={['images']}>
          {(data) =>
            data.length === 0 ? <NoImages /> : <ImageTable images={data} query={query} filter={filter} />
          }
        </Loaded>
      </EngineGate>
    </Page>
  )
}

function NoImages() {
  const { t } = useI18n()
  return (
    <Blank icon={Layers} title={t('images.empty')} text={t('images.emptyText')}>
      <Button kind="primary" icon={ArrowDownToLine} onClick={() => showDialog({ kind: 'pull' })}>
        {t('images.pull')}
      </Button>
    </Blank>
  )
}

function ImageTable({
  images,
  query,
  filter,
}: {
  images: readonly ImageSummary[]
  query: string
  filter: ImageFilter
}) {
  const { t } = useI18n()
  const containers = useContainers()
  const [sort, setSort] = useState<SortState<ImageSort>>({ by: 'name', descending: false })
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const users = 'data' in containers ? containers.data : undefined
  const rows = useMemo(
    () => imageRows(images, users ?? [], { query, filter, sort }),
    [images, users, query, filter, sort],
  )
  const selected = useRef<readonly ImageRow[]>([])
  selected.current = rows.filter((row) => chosen.has(row.key))
  const targets = useCallback(
    (row: ImageRow) => (selected.current.includes(row) ? selected.current : [row]),
    [],
  )
  const render = useCallback(
    (row: ImageRow, state: { selected: boolean }) => (
      <ImageCells row={row} selected={state.selected} targets={() => targets(row)} />
    ),
    [targets],
  )
  if (rows.length === 0)
    return <Blank icon={Layers} title={t('images.noMatch')} text={t('containers.noMatchText')} />
  return (
    <Table
      label={t('nav.images')}
      className="images"
      items={rows}
      keyOf={(row) => row.key}
      rowHeight={() => 42}
      columns={[
        { key: 'check', label: t('column.select'), hidden: true },
        { key: 'name', label: t('column.name'), sort: 'name' as const },
        { key: 'use', label: t('column.use') },
        { key: 'id', label: t('column.id') },
        { key: 'created', label: t('column.created'), sort: 'created' as const },
        { key: 'size', label: t('column.size'), sort: 'size' as const, align: 'end' as const },
        { key: 'actions', label: t('column.actions'), hidden: true },
      ]}
      sort={sort}
      onSort={setSort}
      render={render}
      selection={chosen}
      onSelect={setChosen}
      onOpen={(row) => go('images', rowLabel(row))}
      menu={(row) => imageMenu(targets(row))}
      onKey={(event, row) => {
        if (!row || event.ctrlKey || event.metaKey) return false
        if (event.key === 'Delete' || event.key === 'Backspace') removeImages(targets(row))
        else if (event.key === 'r') showDialog({ kind: 'run', form: { image: rowLabel(row) } })
        else return false
        return true
      }}
    />
  )
}

function ImageCells({
  row,
  selected,
  targets,
}: {
  row: ImageRow
  selected: boolean
  targets: () => readonly ImageRow[]
}) {
  const { t, locale } = useI18n()
  const verb = useStore(busy, (all) => all[row.key])
  const going = useStore(doomed, (all) => all.has(row.key))
  return (
    <>
      <Cell column="check">
        <RowCheck state={selected ? 'on' : 'off'} />
      </Cell>
      <Cell column="name">
        {row.tag === '' ? (
          <span className="muted" data-going={going ? '' : undefined}>
            {t('images.untagged')}
          </span>
        ) : (
          <span className="image-reference" title={row.tag} data-going={going ? '' : undefined}>
            <span className="image-name ellipsis">{row.repository}</span>
            <span className="image-tag ellipsis">:{row.version}</span>
          </span>
        )}
      </Cell>
      <Cell column="use">
        {row.usedBy > 0 && <Badge tone="gray">{t('images.inUse', { count: row.usedBy })}</Badge>}
      </Cell>
      <Cell column="id">
        <code className="faint">{shortId(row.image.Id)}</code>
      </Cell>
      <Cell column="created">
        <span className="muted num">{ago(row.image.Created * 1000, Date.now(), locale)}</span>
      </Cell>
      <Cell column="size" end>
        <span className="num">{bytes(row.image.Size, locale)}</span>
      </Cell>
      <Cell column="actions">
        <div className="row-actions">
          <RowButton
            icon={Play}
            label={t('images.run')}
            busy={verb !== undefined}
            onClick={() => showDialog({ kind: 'run', form: { image: rowLabel(row) } })}
          />
          <RowButton
            icon={MoreHorizontal}
            label={t('common.more')}
            onClick={(event) => openMenu(imageMenu(targets()), event.currentTarget)}
          />
        </div>
      </Cell>
    </>
  )
}

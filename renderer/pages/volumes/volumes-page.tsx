import { HardDrive, Plus, Trash2 } from 'lucide-react'
import { useCallback, useMemo, useState } from 'react'
import type { ContainerSummary } from '../../../vm/api/containers.ts'
import type { Volume } from '../../../vm/api/volumes.ts'
import { nameOf } from '../../actions.ts'
import { call } from '../../api.ts'
import { Button, IconButton } from '../../components/button.tsx'
import { EngineGate } from '../../components/engine-gate.tsx'
import { SearchInput } from '../../components/field.tsx'
import { Page } from '../../components/page.tsx'
import { Blank, Loaded } from '../../components/states.tsx'
import { Cell, Table } from '../../components/table.tsx'
import { ago, bytes } from '../../format.ts'
import { useI18n } from '../../i18n.ts'
import { useContainers, useVolumes } from '../../queries.ts'
import { useResource } from '../../resources.ts'
import { go, href } from '../../router.ts'
import { useOnline } from '../../session-hooks.ts'
import { createVolume, removeVolume, volumeMenu } from './volume-actions.ts'
import '../images/images.css'
import './volumes.css'

interface VolumeRow {
  volume: Volume
  users: readonly ContainerSummary[]
  size: number | undefined
  /** The engine still counts. */
  counting: boolean
}

/** Containers that mount a volume, running or not. */
export function usersOf(name: string, containers: readonly ContainerSummary[] = []): ContainerSummary[] {
  return containers.filter((one) =>
    one.Mounts.some((mount) => mount.Type === 'volume' && mount.Name === name),
  )
}

export function VolumesPage() {
  const { t } = useI18n()
  const online = useOnline()
  const volumes = useVolumes()
  const [query, setQuery] = useState('')
  const any = 'data' in volumes && (volumes.data?.length ?? 0) > 0
  return (
    <Page
      title={t('nav.volumes')}
      actions={
        <Button kind="primary" disabled={!online} icon={Plus} onClick={createVolume}>
          {t('volumes.create')}
        </Button>
      }
      bar={
        any && (
          <>
            <span className="grow" />
            <SearchInput value={query} onChange={setQuery} placeholder={t('volumes.search')} />
          </>
        )
      }
    >
      <EngineGate>
        <Loaded resource={volumes} tags={['volumes']}>
          {(data) =>
            data.length === 0 ? (
              <Blank icon={HardDrive} title={t('volumes.empty')} text={t('volumes.emptyText')} />
            ) : (
              <VolumeTable volumes={data} query={query} />
            )
          }
        </Loaded>
      </EngineGate>
    </Page>
  )
}

function VolumeTable({ volumes, query }: { volumes: readonly Volume[]; query: string }) {
  const { t } = useI18n()
  const containers = useContainers()
  const usage = useResource('df', ['df', 'volumes'], (signal) => call('system.df', [], { signal }))
  const list = 'data' in containers ? containers.data : undefined
  const sizes = 'data' in usage ? usage.data?.Volumes : undefined
  const rows = useMemo(
    () =>
      volumes
        .filter(({ Name }) => Name.toLowerCase().includes(query.toLowerCase()))
        .map((volume) => ({
          volume,
          users: usersOf(volume.Name, list),
          size: volume.UsageData?.Size ?? sizes?.find((one) => one.Name === volume.Name)?.UsageData?.Size,
          counting: sizes === undefined && usage.status === 'loading',
        }))
        .sort((a, b) => a.volume.Name.localeCompare(b.volume.Name)),
    [volumes, list, sizes, usage.status, query],
  )
  const render = useCallback((row: VolumeRow) => <VolumeCells row={row} />, [])
  if (rows.length === 0) return <Blank icon={HardDrive} title={t('volumes.noMatch')} />
  return (
    <Table
      label={t('nav.volumes')}
      className="volumes rows"
      items={rows}
      keyOf={(row) => row.volume.Name}
      rowHeight={() => 42}
      columns={[
        { key: 'name', label: t('column.name') },
        { key: 'use', label: t('column.usedBy') },
        { key: 'created', label: t('column.created') },
        { key: 'size', label: t('column.size'), align: 'end' },
        { key: 'actions', label: t('column.actions'), hidden: true },
      ]}
      render={render}
      onOpen={(row) => go('volumes', row.volume.Name)}
      menu={(row) => volumeMenu(row.volume.Name, row.users.length > 0)}
      onKey={(event, row) => {
        if (!row || (event.key !== 'Delete' && event.key !== 'Backspace')) return false
        removeVolume(row.volume.Name, row.users.length > 0)
        return true
      }}
    />
  )
}

function VolumeCells({ row }: { row: VolumeRow }) {
  const { t, locale } = useI18n()
  const { volume, users, size, counting } = row
  const created = Date.parse(volume.CreatedAt)
  const anonymous = /^[0-9a-f]{64}$/.test(volume.Name)
  return (
    <>
      <Cell column="name">
        <a
          className={anonymous ? 'mono muted' : 'image-name'}
          data-name=""
          href={href('volumes', volume.Name)}
          tabIndex={-1}
        >
          {anonymous ? volume.Name.slice(0, 20) : volume.Name}
        </a>
        {volume.Driver !== 'local' && <span className="faint"> {volume.Driver}</span>}
      </Cell>
      <Cell column="use">
        {users.length === 0 ? (
          <span className="faint">{t('volumes.unused')}</span>
        ) : (
          users.slice(0, 2).map((one, index) => (
            <span key={one.Id}>
              {index > 0 && ', '}
              <a href={href('containers', one.Id, 'files')} tabIndex={-1}>
                {nameOf(one)}
              </a>
            </span>
          ))
        )}
        {users.length > 2 && <span className="faint"> +{users.length - 2}</span>}
      </Cell>
      <Cell column="created">
        <span className="muted num">{created > 0 ? ago(created, Date.now(), locale) : ''}</span>
      </Cell>
      <Cell column="size" end>
        <span className="num">
          {size !== undefined && size >= 0
            ? bytes(size, locale)
            : counting && <span className="faint">…</span>}
        </span>
      </Cell>
      <Cell column="actions">
        <div className="row-actions">
          <IconButton
            icon={Trash2}
            label={users.length > 0 ? t('volumes.inUse') : t('common.delete')}
            tabIndex={-1}
            disabled={users.length > 0}
            onClick={() => removeVolume(volume.Name, users.length > 0)}
          />
        </div>
      </Cell>
    </>
  )
}

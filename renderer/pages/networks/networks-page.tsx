import { Network, Plus, Trash2 } from 'lucide-react'
import { useCallback, useMemo, useState } from 'react'
import type { NetworkInspect } from '../../../vm/api/networks.ts'
import { doomed } from '../../actions.ts'
import { Button, IconButton } from '../../components/button.tsx'
import { EngineGate } from '../../components/engine-gate.tsx'
import { SearchInput } from '../../components/field.tsx'
import { Page } from '../../components/page.tsx'
import { Blank, Loaded } from '../../components/states.tsx'
import { Badge } from '../../components/status.tsx'
import { Cell, Table } from '../../components/table.tsx'
import { showDialog } from '../../dialogs.ts'
import { count } from '../../format.ts'
import { useI18n } from '../../i18n.ts'
import { useNetworks } from '../../queries.ts'
import { go } from '../../router.ts'
import { useOnline } from '../../session-hooks.ts'
import { useStore } from '../../store.ts'
import { canRemove, isBuiltIn, networkMenu, removeNetwork } from './network-actions.ts'
import '../images/images.css'
import '../volumes/volumes.css'

export function NetworksPage() {
  const { t } = useI18n()
  const online = useOnline()
  const networks = useNetworks()
  const [query, setQuery] = useState('')
  return (
    <Page
      title={t('nav.networks')}
      actions={
        <Button kind="primary" disabled={!online} icon={Plus} onClick={() => showDialog({ kind: 'network' })}>
          {t('networks.create')}
        </Button>
      }
      bar={
        'data' in networks && (
          <>
            <span className="grow" />
            <SearchInput value={query} onChange={setQuery} placeholder={t('networks.search')} />
          </>
        )
      }
    >
      <EngineGate>
        <Loaded resource={networks} tags={['networks']}>
          {(data) => <NetworkTable networks={data} query={query} />}
        </Loaded>
      </EngineGate>
    </Page>
  )
}

function NetworkTable({ networks, query }: { networks: readonly NetworkInspect[]; query: string }) {
  const { t } = useI18n()
  const rows = useMemo(
    () =>
      networks
        .filter((one) => `${one.Name} ${subnets(one)}`.toLowerCase().includes(query.toLowerCase()))
        .sort((a, b) => a.Name.localeCompare(b.Name)),
    [networks, query],
  )
  const render = useCallback((network: NetworkInspect) => <NetworkCells network={network} />, [])
  if (rows.length === 0) return <Blank icon={Network} title={t('networks.noMatch')} />
  return (
    <Table
      label={t('nav.networks')}
      className="networks rows"
      items={rows}
      keyOf={(network) => network.Id}
      rowHeight={() => 42}
      columns={[
        { key: 'name', label: t('column.name') },
        { key: 'driver', label: t('column.driver') },
        { key: 'subnet', label: t('column.subnet') },
        { key: 'members', label: t('column.members'), align: 'end' },
        { key: 'actions', label: t('column.actions'), hidden: true },
      ]}
      render={render}
      onOpen={(network) => go('networks', network.Name)}
      menu={networkMenu}
      onKey={(event, network) => {
        if (!network || (event.key !== 'Delete' && event.key !== 'Backspace')) return false
        removeNetwork(network)
        return true
      }}
    />
  )
}

function subnets(network: NetworkInspect): string {
  return (network.IPAM.Config ?? [])
    .map((config) => config.Subnet)
    .filter(Boolean)
    .join(', ')
}

function NetworkCells({ network }: { network: NetworkInspect }) {
  const { t, locale } = useI18n()
  const going = useStore(doomed, (all) => all.has(network.Id))
  const members = Object.keys(network.Containers ?? {}).length
  return (
    <>
      <Cell column="name">
        <span className="row container-name" data-going={going ? '' : undefined}>
          <span className="image-name ellipsis">{network.Name}</span>
          {network.Internal && <Badge tone="amber">{t('networks.internal')}</Badge>}
        </span>
      </Cell>
      <Cell column="driver">
        <span className="muted">{network.Driver}</span>
      </Cell>
      <Cell column="subnet">
        <code className="muted">{subnets(network)}</code>
      </Cell>
      <Cell column="members" end>
        <span className="num muted">{members > 0 ? count(members, locale) : ''}</span>
      </Cell>
      <Cell column="actions">
        {!isBuiltIn(network) && (
          <div className="row-actions">
            <IconButton
              icon={Trash2}
              label={t('common.delete')}
              tabIndex={-1}
              disabled={!canRemove(network)}
              onClick={() => removeNetwork(network)}
            />
          </div>
        )}
      </Cell>
    </>
  )
}

import { Brush, Check } from 'lucide-react'
import { useState } from 'react'
import type { DiskUsage } from '../../../vm/api/system.ts'
import { call } from '../../api.ts'
import { Button } from '../../components/button.tsx'
import { EngineGate } from '../../components/engine-gate.tsx'
import { Checkbox } from '../../components/field.tsx'
import { Column, Page, Section } from '../../components/page.tsx'
import { Blank, Loaded, Notice } from '../../components/states.tsx'
import { notify } from '../../components/toast.tsx'
import { failureOf } from '../../errors.ts'
import { bytes, count } from '../../format.ts'
import { useI18n } from '../../i18n.ts'
import { useNetworks } from '../../queries.ts'
import { resources, useResource } from '../../resources.ts'
import { type Kind, reclaimable } from './cleanup-view.ts'
import './cleanup.css'

const BUILT_IN = ['bridge', 'host', 'none']

/** What can go, per kind, how much it frees, before it goes. */
export function CleanupPage() {
  const { t } = useI18n()
  const usage = useResource('df', ['df', 'volumes', 'containers', 'images'], (signal) =>
    call('system.df', [], { signal }),
  )
  return (
    <Page title={t('nav.cleanup')}>
      <EngineGate>
        <Loaded resource={usage} tags={['df']}>
          {(data) => <Choices usage={data} />}
        </Loaded>
      </EngineGate>
    </Page>
  )
}

function Choices({ usage }: { usage: DiskUsage }) {
  const { t, locale } = useI18n()
  const networks = useNetworks()
  const [chosen, setChosen] = useState<ReadonlySet<Kind>>(
    new Set(['containers', 'images', 'networks', 'builds']),
  )
  const [pending, setPending] = useState(false)
  const [failure, setFailure] = useState<string | undefined>(undefined)
  const unusedNetworks = ('data' in networks ? (networks.data ?? []) : [])
    .filter((one) => !BUILT_IN.includes(one.Name) && Object.keys(one.Containers ?? {}).length === 0)
    .map((one) => one.Name)
  const items = reclaimable(usage, unusedNetworks)
  const picked = items.filter(
    (item) => chosen.has(item.kind) && item.count > 0 && !(item.kind === 'images' && chosen.has('allImages')),
  )
  const frees = picked.reduce((sum, item) => sum + item.size, 0)
  const toggle = (kind: Kind, on: boolean): void => {
    const next = new Set(chosen)
    if (on) next.add(kind)
    else next.delete(kind)
    setChosen(next)
  }
  const run = async (): Promise<void> => {
    setPending(true)
    setFailure(undefined)
    let freed = 0
    try {
      for (const item of picked) freed += await prune(item.kind)
      const title = freed > 0 ? t('cleanup.done', { size: bytes(freed, locale) }) : t('cleanup.doneNothing')
      notify({ title, kind: 'success' })
    } catch (error) {
      setFailure(failureOf(error))
    } finally {
      setPending(false)
      resources.invalidateAll()
    }
  }
  if (items.every((item) => item.count === 0))
    return <Blank icon={Check} title={t('cleanup.empty')} text={t('cleanup.emptyText')} />
  return (
    <Column>
      <Section title={t('cleanup.what')}>
        {failure && <Notice tone="error">{failure}</Notice>}
        <div className="card">
          {items.map((item) => (
            <div
              key={item.kind}
              className="card-row cleanup-row"
              data-none={item.count === 0 ? '' : undefined}
            >
              <div className="grow">
                <Checkbox
                  checked={chosen.has(item.kind) && item.count > 0}
                  disabled={item.count === 0}
                  onChange={(on) => toggle(item.kind, on)}
                  label={t(`cleanup.kind.${item.kind}`)}
                  hint={
                    item.names.slice(0, 3).join(', ') +
                    (item.names.length > 3 ? ` +${item.names.length - 3}` : '')
                  }
                />
              </div>
              <span className="num muted">{item.count > 0 && count(item.count, locale)}</span>
              <span className="num cleanup-size">{item.size > 0 ? bytes(item.size, locale) : '–'}</span>
            </div>
          ))}
        </div>
        {chosen.has('volumes') && (
          <p className="field-problem cleanup-warning">{t('cleanup.volumesWarning')}</p>
        )}
        <div className="cleanup-foot">
          <span className="muted grow">
            {frees > 0
              ? t('cleanup.frees', { size: bytes(frees, locale) })
              : picked.length > 0 && t('cleanup.freesNothing')}
          </span>
          <Button
            kind={chosen.has('volumes') ? 'danger' : 'primary'}
            icon={Brush}
            busy={pending}
            disabled={picked.length === 0}
            onClick={() => void run()}
          >
            {t('cleanup.run')}
          </Button>
        </div>
      </Section>
    </Column>
  )
}

/** Runs one kind of prune; resolves to the bytes it freed. */
async function prune(kind: Kind): Promise<number> {
  switch (kind) {
    case 'containers':
      return (await call('containers.prune', [])).SpaceReclaimed
    case 'images':
      return (await call('images.prune', [{ all: false }])).SpaceReclaimed
    case 'allImages':
      return (await call('images.prune', [{ all: true }])).SpaceReclaimed
    case 'networks':
      await call('networks.prune', [])
      return 0
    case 'builds':
      return (await call('builds.prune', [])).SpaceReclaimed
    case 'volumes':
      return (await call('volumes.prune', [{ all: true }])).SpaceReclaimed
  }
}

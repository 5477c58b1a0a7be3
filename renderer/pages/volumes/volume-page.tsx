import { useMemo } from 'react'
import { nameOf } from '../../actions.ts'
import { EngineGate } from '../../components/engine-gate.tsx'
import { Page } from '../../components/page.tsx'
import { Loaded } from '../../components/states.tsx'
import { useI18n } from '../../i18n.ts'
import { useContainers, useVolumes } from '../../queries.ts'
import { href } from '../../router.ts'
import { FileBrowser } from '../container/file-browser.tsx'
import { usersOf } from './volumes-page.tsx'
import '../container/container.css'

/** One volume: what is in it, and who uses it. */
export function VolumePage({ name }: { name: string }) {
  const { t } = useI18n()
  const volumes = useVolumes()
  const containers = useContainers()
  const users = usersOf(name, 'data' in containers ? containers.data : undefined)
  const owner = useMemo(() => ({ kind: 'volumes' as const, id: name, tags: ['volumes'] }), [name])
  return (
    <Page
      up={['volumes']}
      title={name.length === 64 ? name.slice(0, 20) : name}
      aside={
        <span className="muted ellipsis">
          {users.length === 0
            ? t('volumes.unused')
            : users.map((one, index) => (
                <span key={one.Id}>
                  {index > 0 && ', '}
                  <a href={href('containers', one.Id, 'files')}>{nameOf(one)}</a>
                </span>
              ))}
        </span>
      }
    >
      <EngineGate>
        <Loaded resource={volumes} tags={['volumes']}>
          {() => <FileBrowser owner={owner} />}
        </Loaded>
      </EngineGate>
    </Page>
  )
}

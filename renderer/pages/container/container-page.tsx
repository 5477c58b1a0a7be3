import { MoreHorizontal, Pause, Play, RotateCw, Square } from 'lucide-react'
import { lazy, Suspense } from 'react'
import type { ContainerInspect, ContainerSummary } from '../../../vm/api/containers.ts'
import { busy, canDo, doToContainers } from '../../actions.ts'
import { Button, IconButton } from '../../components/button.tsx'
import { EngineGate } from '../../components/engine-gate.tsx'
import { JsonTree } from '../../components/json-tree.tsx'
import { openMenu } from '../../components/menu.tsx'
import { Page } from '../../components/page.tsx'
import { Loaded, Loading, Notice } from '../../components/states.tsx'
import { Badge } from '../../components/status.tsx'
import { useI18n } from '../../i18n.ts'
import { useContainer, useContainers } from '../../queries.ts'
import { href } from '../../router.ts'
import { useStore } from '../../store.ts'
import { terminals } from '../../terminals.ts'
import { containerMenu } from '../containers/container-menu.ts'
import { StateDot, StateWord } from '../containers/container-row.tsx'
import { causeOf, healthOf } from '../containers/containers-view.ts'
import { ChangesTab } from './changes-tab.tsx'
import { EnvironmentTab } from './environment-tab.tsx'
import { FilesTab } from './files-tab.tsx'
import { LogsTab } from './logs-tab.tsx'
import { PortsTab } from './ports-tab.tsx'
import { ProcessesTab } from './processes-tab.tsx'
import { TerminalTabs } from './terminal-tab.tsx'
import './container.css'

const StatsTab = lazy(() => import('./stats-tab.tsx').then((module) => ({ default: module.StatsTab })))

const TABS = [
  'logs',
  'terminal',
  'files',
  'changes',
  'stats',
  'processes',
  'ports',
  'environment',
  'inspect',
] as const
type Tab = (typeof TABS)[number]

/** One container. Its id in the address may be a name; everything else uses the real id. */
export function ContainerPage({ id, tab }: { id: string; tab: string }) {
  const inspect = useContainer(id)
  const containers = useContainers()
  const data = 'data' in inspect ? inspect.data : undefined
  const summary =
    'data' in containers ? containers.data?.find((one) => one.Id === (data?.Id ?? id)) : undefined
  const current = TABS.find((one) => one === tab) ?? 'logs'
  return (
    <Page
      up={['containers']}
      title={data?.Name.replace(/^\//, '') ?? summary?.Names[0]?.slice(1) ?? id.slice(0, 12)}
      aside={summary && <StateAside container={summary} />}
      actions={summary && <Actions container={summary} />}
      bar={<TabBar id={id} current={current} />}
    >
      <EngineGate>
        <Loaded resource={inspect} tags={[`container:${id}`, 'containers']}>
          {(container) => (
            <>
              <Failure state={container.State} />
              <TabContent tab={current} container={container} />
            </>
          )}
        </Loaded>
      </EngineGate>
    </Page>
  )
}

/** Why it does not run, in a few words; the engine's own are one click away. */
function Failure({ state }: { state: ContainerInspect['State'] }) {
  const { t } = useI18n()
  const cause = state.Running ? undefined : causeOf(state)
  if (!cause) return null
  const text = cause.key === 'other' ? cause.what : t(`cause.${cause.key}`, { what: cause.what })
  return (
    <Notice tone="error">
      {state.Error && state.Error !== text ? (
        <details className="failure">
          <summary>{text}</summary>
          <code>{state.Error}</code>
        </details>
      ) : (
        text
      )}
    </Notice>
  )
}

function StateAside({ container }: { container: ContainerSummary }) {
  const { t } = useI18n()
  const health = healthOf(container)
  return (
    <>
      <StateDot container={container} />
      <span className="muted nowrap">
        <StateWord container={container} />
      </span>
      {health && (
        <Badge tone={health === 'healthy' ? 'green' : health === 'unhealthy' ? 'red' : 'gray'}>
          {t(`health.${health}`)}
        </Badge>
      )}
      <span className="faint ellipsis">{container.Image}</span>
    </>
  )
}

function Actions({ container }: { container: ContainerSummary }) {
  const { t } = useI18n()
  const verb = useStore(busy, (all) => all[container.Id])
  const run = (what: 'start' | 'stop' | 'restart' | 'unpause') => () => void doToContainers(what, [container])
  return (
    <>
      {canDo('restart', container) && (
        <IconButton
          icon={RotateCw}
          label={t('verb.restart')}
          onClick={run('restart')}
          busy={verb === 'restart'}
        />
      )}
      {canDo('pause', container) && (
        <IconButton
          icon={Pause}
          label={t('verb.pause')}
          onClick={() => void doToContainers('pause', [container])}
        />
      )}
      {canDo('unpause', container) && (
        <Button icon={Play} onClick={run('unpause')}>
          {t('verb.unpause')}
        </Button>
      )}
      {canDo('start', container) && (
        <Button kind="primary" icon={Play} onClick={run('start')} busy={verb === 'start'}>
          {t('verb.start')}
        </Button>
      )}
      {canDo('stop', container) && (
        <Button icon={Square} onClick={run('stop')} busy={verb === 'stop'}>
          {t('verb.stop')}
        </Button>
      )}
      <IconButton
        icon={MoreHorizontal}
        label={t('common.more')}
        onClick={(event) => openMenu(containerMenu([container]), event.currentTarget)}
      />
    </>
  )
}

function TabBar({ id, current }: { id: string; current: Tab }) {
  const { t } = useI18n()
  const open = useStore(terminals, ({ tabs }) => tabs.filter((tab) => tab.owner === id).length)
  return (
    <nav className="tab-bar" aria-label={t('detail.tabs')}>
      {TABS.map((tab) => (
        <a
          key={tab}
          className="tab-link"
          href={href('containers', id, tab)}
          aria-current={tab === current ? 'page' : undefined}
        >
          {t(`detail.${tab}`)}
          {tab === 'terminal' && open > 0 && <span className="segment-count num">{open}</span>}
        </a>
      ))}
    </nav>
  )
}

function TabContent({ tab, container }: { tab: Tab; container: ContainerInspect }) {
  const { Id } = container
  switch (tab) {
    case 'logs':
      return (
        <LogsTab
          id={Id}
          name={container.Name.slice(1)}
          run={container.State.StartedAt}
          running={container.State.Running}
        />
      )
    case 'terminal':
      return <TerminalTabs container={container} />
    case 'files':
      return <FilesTab id={Id} running={container.State.Running} />
    case 'changes':
      return <ChangesTab id={Id} />
    case 'stats':
      return (
        <Suspense fallback={<Loading />}>
          <StatsTab id={Id} run={container.State.StartedAt} running={container.State.Running} />
        </Suspense>
      )
    case 'processes':
      return <ProcessesTab id={Id} running={container.State.Running} />
    case 'ports':
      return <PortsTab id={Id} container={container} />
    case 'environment':
      return <EnvironmentTab container={container} />
    case 'inspect':
      return <JsonTree value={container} />
  }
}

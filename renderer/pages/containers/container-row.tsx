import { ChevronRight, MoreHorizontal, Play, Square } from 'lucide-react'
import type { ContainerColumn } from '../../../app/settings-schema.ts'
import type { ContainerSummary } from '../../../vm/api/containers.ts'
import { busy, canDo, doomed, doToContainers, openUrl, portUrl } from '../../actions.ts'
import { RowButton } from '../../components/button.tsx'
import { RowCheck } from '../../components/field.tsx'
import { openMenu } from '../../components/menu.tsx'
import { Sparkline } from '../../components/sparkline.tsx'
import { Badge, Dot, type Tone } from '../../components/status.tsx'
import { Cell } from '../../components/table.tsx'
import { ago, dateTime, memory, percent } from '../../format.ts'
import { useI18n } from '../../i18n.ts'
import { useContainer } from '../../queries.ts'
import { href } from '../../router.ts'
import { useSamples } from '../../stats.ts'
import { useStore } from '../../store.ts'
import { containerMenu } from './container-menu.ts'
import {
  causeOf,
  exitCode,
  hasFailed,
  healthOf,
  isRunning,
  mayHaveFailed,
  portChips,
  rowName,
} from './containers-view.ts'

export function toneOf(container: ContainerSummary): Tone {
  if (container.State === 'running') return healthOf(container) === 'unhealthy' ? 'red' : 'green'
  if (container.State === 'paused') return 'amber'
  if (container.State === 'restarting' || container.State === 'removing') return 'busy'
  return hasFailed(container) ? 'red' : 'gray'
}

interface ContainerCellsProps {
  container: ContainerSummary
  nested: boolean
  columns: readonly ContainerColumn[]
  selected: boolean
  /** The containers that the row's menu is about. */
  targets: () => readonly ContainerSummary[]
}

export function ContainerCells({ container, nested, columns, selected, targets }: ContainerCellsProps) {
  const { t } = useI18n()
  const verb = useStore(busy, (all) => all[container.Id])
  const going = useStore(doomed, (all) => all.has(container.Id))
  return (
    <>
      <Cell column="check">
        <RowCheck state={selected ? 'on' : 'off'} />
      </Cell>
      <Cell column="name">
        <div
          className={nested ? 'container-name container-nested' : 'container-name'}
          data-going={going ? '' : undefined}
        >
          {verb ? <Dot tone="busy" /> : <StateDot container={container} />}
          <div className="stack">
            <a className="cell-main ellipsis" href={href('containers', container.Id, 'logs')} tabIndex={-1}>
              {rowName(container, nested)}
            </a>
            {!columns.includes('image') && <span className="cell-sub ellipsis">{container.Image}</span>}
          </div>
        </div>
      </Cell>
      {columns.map((column) => (
        <Column key={column} column={column} container={container} />
      ))}
      <Cell column="actions">
        <div className="row-actions">
          {canDo('start', container) ? (
            <RowButton
              icon={Play}
              label={t('verb.start')}
              busy={verb === 'start'}
              onClick={() => void doToContainers('start', [container])}
            />
          ) : (
            <RowButton
              icon={Square}
              label={t('verb.stop')}
              busy={verb !== undefined}
              onClick={() => void doToContainers('stop', [container])}
            />
          )}
          <RowButton
            icon={MoreHorizontal}
            label={t('common.more')}
            onClick={(event) => openMenu(containerMenu(targets()), event.currentTarget)}
          />
        </div>
      </Cell>
    </>
  )
}

/** The state in words; for what failed, why. */
function StateText({ container }: { container: ContainerSummary }) {
  const { t } = useI18n()
  if (mayHaveFailed(container)) return <Ending container={container} />
  const health = healthOf(container)
  const code = exitCode(container)
  const text = code === undefined ? t(`state.${container.State}`) : t('state.exitedWith', { code })
  return (
    <span className="row">
      <span className="muted">{text}</span>
      {health && (
        <Badge tone={health === 'healthy' ? 'green' : health === 'unhealthy' ? 'red' : 'gray'}>
          {t(`health.${health}`)}
        </Badge>
      )}
    </span>
  )
}

/** Of a container that may have ended badly: whether it did, and why. */
function useEnding(container: ContainerSummary): { failed: boolean; reason: string; full: string } {
  const { t } = useI18n()
  const inspect = useContainer(container.Id)
  const state = inspect.status === 'ready' ? inspect.data.State : undefined
  const cause = state && causeOf(state)
  const reason = cause
    ? cause.key === 'other'
      ? cause.what
      : t(`cause.${cause.key}`, { what: cause.what })
    : ''
  return { failed: hasFailed(container) || reason !== '', reason, full: state?.Error || reason }
}

function useStateWord(container: ContainerSummary, reason: string): string {
  const { t } = useI18n()
  const code = exitCode(container)
  if (code !== undefined) return t('state.exitedWith', { code })
  return t(reason !== '' && container.State === 'created' ? 'state.failed' : `state.${container.State}`)
}

function EndingWord({ container }: { container: ContainerSummary }) {
  return useStateWord(container, useEnding(container).reason)
}

/** The state in one word or two, as the list has it. */
export function StateWord({ container }: { container: ContainerSummary }) {
  const word = useStateWord(container, '')
  return mayHaveFailed(container) ? <EndingWord container={container} /> : word
}

function EndingDot({ container }: { container: ContainerSummary }) {
  return <Dot tone={useEnding(container).failed ? 'red' : toneOf(container)} />
}

/** The state as a colour; red also for what only the details tell: killed for its memory, failed to start. */
export function StateDot({ container }: { container: ContainerSummary }) {
  return mayHaveFailed(container) ? <EndingDot container={container} /> : <Dot tone={toneOf(container)} />
}

function Ending({ container }: { container: ContainerSummary }) {
  const { failed, reason, full } = useEnding(container)
  const text = useStateWord(container, reason)
  return (
    <span className="stack" title={full || undefined}>
      <span className={failed ? 'cell-main state-failed' : 'muted'}>{text}</span>
      {reason !== '' && <span className="cell-sub ellipsis">{reason}</span>}
    </span>
  )
}

function Ports({ container }: { container: ContainerSummary }) {
  const { t } = useI18n()
  const chips = portChips(container)
  return (
    <span className="port-chips">
      {chips.slice(0, 2).map((chip) => (
        <button
          key={chip.text}
          type="button"
          className="port-chip num"
          tabIndex={-1}
          disabled={chip.protocol !== 'tcp' || container.State !== 'running'}
          title={portUrl(chip.ip, chip.port)}
          aria-label={`${chip.text}, ${t('containers.openPort', { port: chip.port })}`}
          onClick={() => openUrl(portUrl(chip.ip, chip.port))}
        >
          {chip.text}
        </button>
      ))}
      {chips.length > 2 && <span className="faint num port-more">+{chips.length - 2}</span>}
      {chips.length > 1 && <span className="faint num port-more-narrow">+{chips.length - 1}</span>}
    </span>
  )
}

/** One column of a container. */
function Column({ column, container }: { column: ContainerColumn; container: ContainerSummary }) {
  const { locale } = useI18n()
  switch (column) {
    case 'id':
      return (
        <Cell column={column}>
          <code className="faint">{container.Id.slice(0, 12)}</code>
        </Cell>
      )
    case 'image':
      return (
        <Cell column={column}>
          <span title={container.Image}>{container.Image}</span>
        </Cell>
      )
    case 'command':
      return (
        <Cell column={column}>
          <code className="muted" title={container.Command}>
            {container.Command}
          </code>
        </Cell>
      )
    case 'state':
      return (
        <Cell column={column}>
          <StateText container={container} />
        </Cell>
      )
    case 'ports':
      return (
        <Cell column={column}>
          <Ports container={container} />
        </Cell>
      )
    case 'cpu':
    case 'memory':
      return <Cell column={column}>{isRunning(container) && <Load id={container.Id} of={column} />}</Cell>
    case 'created':
      return (
        <Cell column={column}>
          <span className="muted num" title={dateTime(container.Created * 1000, locale)}>
            {ago(container.Created * 1000, Date.now(), locale)}
          </span>
        </Cell>
      )
  }
}

function Load({ id, of }: { id: string; of: 'cpu' | 'memory' }) {
  const { t, locale } = useI18n()
  const samples = useSamples(id)
  const last = samples.at(-1)
  if (!last) return null
  const value = of === 'cpu' ? percent(last.cpu, locale) : memory(last.memory, locale)
  return (
    <span className="load">
      <Sparkline
        values={samples.map((sample) => sample[of])}
        max={of === 'cpu' ? 0.25 : last.memory * 1.6 || 1}
        label={t(of === 'cpu' ? 'stats.cpuIs' : 'stats.memoryIs', { value })}
      />
      <span className="num muted">{value}</span>
    </span>
  )
}

interface GroupCellsProps {
  project: string
  containers: readonly ContainerSummary[]
  collapsed: boolean
  onToggle: () => void
}

export function GroupCells({ project, containers, collapsed, onToggle }: GroupCellsProps) {
  const { t } = useI18n()
  const running = containers.filter(isRunning).length
  const failed = containers.some(hasFailed)
  const tone: Tone = failed ? 'red' : running === containers.length ? 'green' : running > 0 ? 'amber' : 'gray'
  const startable = containers.some((one) => canDo('start', one))
  return (
    <>
      <Cell column="check">
        <button
          type="button"
          className="group-toggle"
          aria-expanded={!collapsed}
          aria-label={t('containers.toggleGroup', { name: project })}
          tabIndex={-1}
          onClick={onToggle}
        >
          <ChevronRight size={14} aria-hidden />
        </button>
      </Cell>
      <Cell column="group">
        <span className="row">
          <Dot tone={tone} />
          <span className="ellipsis">{project}</span>
          <span className="faint num group-count">
            {t('containers.groupCount', { running, total: containers.length })}
          </span>
        </span>
      </Cell>
      <Cell column="actions">
        <div className="row-actions">
          {startable ? (
            <RowButton
              icon={Play}
              label={t('containers.startGroup', { name: project })}
              onClick={() => void doToContainers('start', containers)}
            />
          ) : (
            <RowButton
              icon={Square}
              label={t('containers.stopGroup', { name: project })}
              onClick={() => void doToContainers('stop', containers)}
            />
          )}
          <RowButton
            icon={MoreHorizontal}
            label={t('common.more')}
            onClick={(event) => openMenu(containerMenu(containers), event.currentTarget)}
          />
        </div>
      </Cell>
    </>
  )
}

import { Copy, Download, Play, RotateCw, Square, SquareTerminal } from 'lucide-react'
import { useEffect, useState } from 'react'
import type { MachineState } from '../../../app/machine/state.ts'
import { call } from '../../api.ts'
import { Button, IconButton } from '../../components/button.tsx'
import { Steps } from '../../components/engine-gate.tsx'
import { Column, Page, Section } from '../../components/page.tsx'
import { Blank, Notice } from '../../components/states.tsx'
import { Dot, Meter, ProgressBar } from '../../components/status.tsx'
import { copyText } from '../../components/toast.tsx'
import { failureText } from '../../errors.ts'
import { bytes, duration, memory, percent } from '../../format.ts'
import { useI18n } from '../../i18n.ts'
import { useResource } from '../../resources.ts'
import { href } from '../../router.ts'
import { isOnline, session } from '../../session.ts'
import { useStore } from '../../store.ts'
import { openTerminal, terminals } from '../../terminals.ts'
import { TerminalPane } from '../container/terminal-tab.tsx'
import '../container/container.css'
import {
  machineAction,
  machineTone,
  resetMachine,
  saveDiagnostics,
  useMachineActions,
} from './machine-actions.ts'
import { MachineLogs } from './machine-logs.tsx'
import { stepProgress } from './steps.ts'
import { useUsage } from './usage.ts'
import './machine.css'

const TABS = ['overview', 'logs', 'shell'] as const

export function MachinePage({ tab }: { tab: string }) {
  const { t } = useI18n()
  const machine = useStore(session, (state) => state.machine)
  const { start, stop, restart, pending } = useMachineActions()
  const current = TABS.find((one) => one === tab) ?? 'overview'
  const state = machine?.state ?? 'unknown'
  return (
    <Page
      title={t('nav.machine')}
      aside={
        <>
          <Dot tone={machineTone(machine)} />
          <span className="muted nowrap">{t(`machine.state.${state}`)}</span>
        </>
      }
      actions={
        <>
          {isOnline(machine) && (
            <Button icon={RotateCw} onClick={restart} busy={pending}>
              {t('machine.restart')}
            </Button>
          )}
          {(isOnline(machine) || state === 'starting') && (
            <Button icon={Square} onClick={stop} busy={pending}>
              {t('machine.stop')}
            </Button>
          )}
          {(state === 'stopped' || state === 'failed') && (
            <Button kind="primary" icon={Play} onClick={start} busy={pending}>
              {t('machine.start')}
            </Button>
          )}
        </>
      }
      bar={
        <nav className="tab-bar" aria-label={t('nav.machine')}>
          {TABS.map((one) => (
            <a
              key={one}
              className="tab-link"
              href={href('machine', one)}
              aria-current={one === current ? 'page' : undefined}
            >
              {t(`machine.tab.${one}`)}
            </a>
          ))}
        </nav>
      }
    >
      {current === 'overview' && <Overview machine={machine} />}
      {current === 'logs' && <MachineLogs />}
      {current === 'shell' && <Shell online={isOnline(machine)} />}
    </Page>
  )
}

function Overview({ machine }: { machine: MachineState | undefined }) {
  const { t } = useI18n()
  return (
    <Column>
      {machine?.state === 'failed' && <Failure machine={machine} />}
      {machine?.state === 'starting' && (
        <Section title={t('machine.state.starting')}>
          <div className="machine-steps">
            <Steps current={machine.step} {...(machine.detail && { detail: machine.detail })} />
            <ProgressBar value={stepProgress(machine)} label={t('machine.state.starting')} />
          </div>
        </Section>
      )}
      {machine?.state === 'degraded' && (
        <Section title={t('machine.problems')}>
          {machine.problems.map((problem) => (
            <Notice key={problem.code} tone="warning">
              <strong>{t(`machine.problem.${problem.code}`)}</strong> {problem.message}
            </Notice>
          ))}
        </Section>
      )}
      {isOnline(machine) && machine && 'accelerator' in machine && <Running machine={machine} />}
      {machine?.state === 'stopped' && <p className="muted">{t('gate.stoppedText')}</p>}
      <Help />
    </Column>
  )
}

function Failure({ machine }: { machine: Extract<MachineState, { state: 'failed' }> }) {
  const { t } = useI18n()
  const { error, hint } = failureText(machine)
  return (
    <Section
      title={
        machine.step
          ? t('machine.failedAt', { step: t(`machine.step.${machine.step}`) })
          : t('machine.state.failed')
      }
    >
      <Notice
        tone="error"
        action={
          <Button icon={RotateCw} onClick={() => void machineAction('start')}>
            {t('common.retry')}
          </Button>
        }
      >
        {error}
        {hint && <div className="machine-hint">{hint}</div>}
      </Notice>
      {machine.serialTail && (
        <>
          <h3 className="machine-tail-title">{t('machine.serialTail')}</h3>
          <pre className="task-output">{machine.serialTail}</pre>
        </>
      )}
    </Section>
  )
}

type Online = Extract<MachineState, { state: 'running' | 'degraded' }>

function Running({ machine }: { machine: Online }) {
  const { t, locale } = useI18n()
  const usage = useUsage()
  const version = useResource('version', ['system'], (signal) => call('system.version', [], { signal }))
  const [now, setNow] = useState(Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 10_000)
    return () => clearInterval(timer)
  }, [])
  const gauges = usage
    ? [
        {
          name: t('machine.cpu'),
          share: usage.cpu,
          text: t('machine.cpuOf', { used: percent(usage.cpu, locale), count: usage.cpus }),
        },
        {
          name: t('machine.memory'),
          share: usage.memoryUsed / usage.memoryTotal,
          text: t('machine.of', {
            used: memory(usage.memoryUsed, locale),
            total: memory(usage.memoryTotal, locale),
          }),
        },
        {
          name: t('machine.disk'),
          share: usage.diskUsed / usage.diskTotal,
          text: t('machine.of', {
            used: bytes(usage.diskUsed, locale),
            total: bytes(usage.diskTotal, locale),
          }),
        },
      ]
    : []
  return (
    <>
      {machine.accelerator === 'tcg' && (
        <Notice tone="warning">
          <strong>{t('machine.tcgTitle')}</strong> {t('machine.tcgText')}
          {machine.acceleratorNote && (
            <details className="machine-why">
              <summary>{t('machine.tcgWhy')}</summary>
              <code>{machine.acceleratorNote}</code>
            </details>
          )}
        </Notice>
      )}
      <Section title={t('machine.usage')}>
        <div className="gauges">
          {gauges.map((gauge) => (
            <div key={gauge.name} className="gauge">
              <span className="muted">{gauge.name}</span>
              <span className="gauge-text num">{gauge.text}</span>
              <Meter value={gauge.share} label={gauge.name} tone={gauge.share > 0.9 ? 'high' : 'plain'} />
            </div>
          ))}
        </div>
      </Section>
      <Section title={t('machine.engine')}>
        <dl className="facts">
          <dt>{t('machine.acceleratorLabel')}</dt>
          <dd>{t(`machine.accelerator.${machine.accelerator}`)}</dd>
          <dt>{t('machine.uptime')}</dt>
          <dd className="num">{duration((now - machine.startedAt) / 1000, locale)}</dd>
          {version.status === 'ready' && (
            <>
              <dt>{t('machine.engineLabel')}</dt>
              <dd>
                {t('machine.engineVersion', { version: version.data.Version, api: version.data.ApiVersion })}
              </dd>
              <dt>{t('machine.kernel')}</dt>
              <dd>{version.data.KernelVersion}</dd>
            </>
          )}
          {usage && (
            <>
              <dt>{t('machine.processMemory')}</dt>
              <dd className="num">{memory(usage.process, locale)}</dd>
            </>
          )}
        </dl>
      </Section>
    </>
  )
}

function Help() {
  const { t } = useI18n()
  const app = useStore(session, (state) => state.app)
  const command = `export DOCKER_HOST=${app?.dockerHost ?? ''}`
  return (
    <>
      <Section title={t('machine.docker')}>
        <p className="muted section-text">{t('machine.dockerText')}</p>
        <div className="task-output machine-env">
          <code className="grow">{command}</code>
          <IconButton icon={Copy} label={t('run.copyCommand')} onClick={() => copyText(command)} />
        </div>
      </Section>
      <Section title={t('machine.trouble')}>
        <div className="card">
          <div className="card-row">
            <div className="grow">
              {t('machine.diagnostics')}
              <span className="field-hint">{t('machine.diagnosticsHint')}</span>
            </div>
            <Button icon={Download} onClick={saveDiagnostics}>
              {t('machine.diagnosticsRun')}
            </Button>
          </div>
          {(['settings', 'containers', 'everything'] as const).map((what) => (
            <div key={what} className="card-row">
              <div className="grow">
                {t(`machine.reset.${what}.title`)}
                <span className="field-hint">{t(`machine.reset.${what}.text`)}</span>
              </div>
              <Button onClick={() => resetMachine(what)}>{t('machine.reset.button')}</Button>
            </div>
          ))}
        </div>
      </Section>
      <Section title={t('machine.about')}>
        <dl className="facts">
          <dt>{t('machine.version')}</dt>
          <dd className="num">{app?.version}</dd>
          <dt>{t('machine.home')}</dt>
          <dd>
            <code>{app?.home}</code>
          </dd>
        </dl>
      </Section>
    </>
  )
}

function Shell({ online }: { online: boolean }) {
  const { t } = useI18n()
  const all = useStore(terminals, ({ tabs }) => tabs)
  const tabs = all.filter((tab) => tab.owner === 'vm')
  useEffect(() => {
    const has = terminals.get().tabs.some((tab) => tab.owner === 'vm')
    if (online && !has) openTerminal('vm', t('machine.tab.shell'), { kind: 'vm' })
  }, [online, t])
  if (tabs.length === 0) return <Blank icon={SquareTerminal} title={t('gate.stopped')} />
  return <TerminalPane owner="vm" tabs={tabs} />
}

import { CircleAlert, FileText, Play, Power, RotateCw } from 'lucide-react'
import type { ReactNode } from 'react'
import { START_STEPS } from '../../app/machine/state.ts'
import { failureText } from '../errors.ts'
import { useI18n } from '../i18n.ts'
import { useMachineActions } from '../pages/machine/machine-actions.ts'
import { stepProgress } from '../pages/machine/steps.ts'
import { go } from '../router.ts'
import { isOnline, session } from '../session.ts'
import { useStore } from '../store.ts'
import { Button } from './button.tsx'
import { Blank, Loading } from './states.tsx'
import { ProgressBar } from './status.tsx'
import './engine-gate.css'

/** What needs the engine; while it is away, why, and what to do about it. */
export function EngineGate({ children }: { children: ReactNode }) {
  const { t } = useI18n()
  const machine = useStore(session, (state) => state.machine)
  const { start, pending } = useMachineActions()
  if (machine === undefined) return <Loading />
  if (isOnline(machine)) return children
  switch (machine.state) {
    case 'stopped':
      return (
        <Blank icon={Power} title={t('gate.stopped')} text={t('gate.stoppedText')}>
          <Button kind="primary" icon={Play} onClick={start} busy={pending}>
            {t('machine.start')}
          </Button>
        </Blank>
      )
    case 'failed':
      return (
        <Blank
          icon={CircleAlert}
          tone="error"
          title={t('machine.state.failed')}
          text={Object.values(failureText(machine)).filter(Boolean).join('\n')}
        >
          <Button kind="primary" icon={RotateCw} onClick={start} busy={pending}>
            {t('common.retry')}
          </Button>
          <Button icon={FileText} onClick={() => go('machine')}>
            {t('gate.details')}
          </Button>
        </Blank>
      )
    case 'starting':
      return (
        <div className="gate">
          <h2>{t('machine.state.starting')}</h2>
          <Steps current={machine.step} {...(machine.detail && { detail: machine.detail })} />
          <ProgressBar value={stepProgress(machine)} label={t('machine.state.starting')} />
        </div>
      )
    default:
      return <Blank icon={Power} title={t('machine.state.stopping')} />
  }
}

/** The named steps of starting, the present one marked. */
export function Steps({ current, detail }: { current: (typeof START_STEPS)[number]; detail?: string }) {
  const { t } = useI18n()
  const at = START_STEPS.indexOf(current)
  return (
    <ol className="steps">
      {START_STEPS.map((step, index) => (
        <li
          key={step}
          className={index < at ? 'step step-done' : index === at ? 'step step-now' : 'step'}
          aria-current={index === at ? 'step' : undefined}
        >
          {t(`machine.step.${step}`)}
          {index === at && detail && <span className="faint ellipsis">{detail}</span>}
        </li>
      ))}
    </ol>
  )
}

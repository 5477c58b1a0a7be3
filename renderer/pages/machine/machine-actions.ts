import { useState } from 'react'
import type { MachineState } from '../../../app/machine/state.ts'
import { call } from '../../api.ts'
import type { Tone } from '../../components/status.tsx'
import { notify, notifyError } from '../../components/toast.tsx'
import { showDialog } from '../../dialogs.ts'
import { t } from '../../i18n.ts'

export function machineTone(machine: MachineState | undefined): Tone {
  switch (machine?.state) {
    case 'running':
      return 'green'
    case 'degraded':
      return 'amber'
    case 'failed':
      return 'red'
    case 'starting':
    case 'stopping':
      return 'busy'
    case 'stopped':
    case undefined:
      return 'gray'
  }
}

type Verb = 'start' | 'stop' | 'restart'

/** Tells the machine; what becomes of it is seen in its state. `pending` only until the host has taken the request. */
export function machineAction(verb: Verb): Promise<void> {
  return call(`machine.${verb}`, []).catch((error: unknown) =>
    notifyError(t(`machine.failed.${verb}`), error),
  )
}

export function useMachineActions() {
  const [pending, setPending] = useState(false)
  const run = (verb: Verb) => (): void => {
    setPending(true)
    // A start answers only when the machine runs; the state stream shows the way there.
    if (verb !== 'start') void machineAction(verb).finally(() => setPending(false))
    else {
      void machineAction(verb)
      setTimeout(() => setPending(false), 300)
    }
  }
  return { pending: pending, start: run('start'), stop: run('stop'), restart: run('restart') }
}

export function saveDiagnostics(): void {
  call('app.diagnostics', []).then(
    ({ path }) => notify({ title: t('machine.diagnosticsDone'), detail: path, timeout: 15_000 }),
    (error: unknown) => notifyError(t('machine.diagnosticsFailed'), error),
  )
}

/** Reset in steps, each saying what it takes away. */
export function resetMachine(what: 'settings' | 'containers' | 'everything'): void {
  showDialog({
    kind: 'confirm',
    title: t(`machine.reset.${what}.title`),
    text: t(`machine.reset.${what}.text`),
    action: t('machine.reset.action'),
    run: () => {
      call('machine.reset', [what]).catch((error: unknown) => notifyError(t('machine.reset.failed'), error))
    },
  })
}

import { useState } from 'react'
import { closeDialog, type DialogState, dialogs } from '../dialogs.ts'
import { errorText } from '../errors.ts'
import { useI18n } from '../i18n.ts'
import { ExecDialog } from '../pages/container/exec-dialog.tsx'
import { BuildDialog } from '../pages/images/build-dialog.tsx'
import { PullDialog } from '../pages/images/pull-dialog.tsx'
import { NetworkDialog } from '../pages/networks/network-dialog.tsx'
import { EditDialog } from '../pages/run/edit-dialog.tsx'
import { RunDialog } from '../pages/run/run-dialog.tsx'
import { LoginDialog } from '../pages/settings/registries.tsx'
import { useStore } from '../store.ts'
import { Button } from './button.tsx'
import { Modal } from './dialog.tsx'
import { Checkbox, Field, TextInput } from './field.tsx'

export function DialogHost() {
  const dialog = useStore(dialogs, (state) => state.open)
  switch (dialog?.kind) {
    case undefined:
      return null
    case 'run':
      return <RunDialog initial={dialog.form} />
    case 'edit':
      return <EditDialog id={dialog.id} />
    case 'exec':
      return <ExecDialog container={dialog.container} user={dialog.user} />
    case 'pull':
      return <PullDialog reference={dialog.reference ?? ''} />
    case 'build':
      return <BuildDialog />
    case 'network':
      return <NetworkDialog />
    case 'login':
      return <LoginDialog host={dialog.host ?? ''} />
    case 'confirm':
      return <Confirm {...dialog} />
    case 'prompt':
      return <Prompt {...dialog} />
  }
}

function Confirm({ title, text, action, check, run }: Extract<DialogState, { kind: 'confirm' }>) {
  const { t } = useI18n()
  const [checked, setChecked] = useState(false)
  const confirm = (): void => {
    closeDialog()
    run(checked)
  }
  return (
    <Modal
      title={title}
      width={420}
      onClose={closeDialog}
      onSubmit={confirm}
      footer={
        <>
          <Button onClick={closeDialog}>{t('common.cancel')}</Button>
          <Button kind="danger" type="submit" autoFocus>
            {action}
          </Button>
        </>
      }
    >
      <p className="muted">{text}</p>
      {check && <Checkbox checked={checked} onChange={setChecked} label={check} />}
    </Modal>
  )
}

function Prompt({ title, label, value, action, hint, run }: Extract<DialogState, { kind: 'prompt' }>) {
  const { t } = useI18n()
  const [text, setText] = useState(value)
  const [pending, setPending] = useState(false)
  const [problem, setProblem] = useState<string | undefined>(undefined)
  const submit = (): void => {
    setPending(true)
    run(text.trim()).then(closeDialog, (error: unknown) => {
      setPending(false)
      setProblem(errorText(error))
    })
  }
  return (
    <Modal
      title={title}
      width={400}
      onClose={closeDialog}
      onSubmit={submit}
      footer={
        <>
          <Button onClick={closeDialog}>{t('common.cancel')}</Button>
          <Button kind="primary" type="submit" busy={pending} disabled={text.trim() === ''}>
            {action}
          </Button>
        </>
      }
    >
      <Field label={label} hint={hint} problem={problem}>
        {(field) => (
          <TextInput
            {...field}
            autoFocus
            value={text}
            onChange={(event) => setText(event.target.value)}
            onFocus={(event) => event.target.select()}
          />
        )}
      </Field>
    </Modal>
  )
}

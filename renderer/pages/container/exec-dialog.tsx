import { useState } from 'react'
import { Button } from '../../components/button.tsx'
import { Modal } from '../../components/dialog.tsx'
import { Field } from '../../components/field.tsx'
import { Suggest } from '../../components/suggest.tsx'
import { closeDialog } from '../../dialogs.ts'
import { errorText } from '../../errors.ts'
import { useI18n } from '../../i18n.ts'
import { splitWords } from '../../lib/shell-words.ts'
import { openTerminal, SHELL } from '../../terminals.ts'

/** Opens a shell, or a command, in a terminal of its own; without a user as the container's. */
export function openShell(id: string, { user = '', line = '' } = {}): void {
  const title = line === '' ? 'sh' : line
  openTerminal(id, user === '' ? title : `${title} · ${user}`, {
    kind: 'exec',
    container: id,
    command: line === '' ? SHELL : splitWords(line),
    ...(user !== '' && { user }),
  })
}

const SHELLS = ['bash', 'sh', 'ash', 'zsh', 'python3', 'node']

interface ExecDialogProps {
  container: string
  /** Whom the container runs as. */
  user: string
}

/** Which command, and as whom. */
export function ExecDialog({ container, user: own }: ExecDialogProps) {
  const { t } = useI18n()
  const [line, setLine] = useState('')
  const [user, setUser] = useState('')
  const [problem, setProblem] = useState<string | undefined>(undefined)
  const submit = (): void => {
    try {
      openShell(container, { line: line.trim(), user: user.trim() })
      closeDialog()
    } catch (error) {
      setProblem(errorText(error))
    }
  }
  return (
    <Modal
      title={t('terminal.commandTitle')}
      width={440}
      onClose={closeDialog}
      onSubmit={submit}
      footer={
        <>
          <Button onClick={closeDialog}>{t('common.cancel')}</Button>
          <Button kind="primary" type="submit">
            {t('common.open')}
          </Button>
        </>
      }
    >
      <div className="form">
        <Field label={t('run.command')} problem={problem}>
          {({ id, 'aria-invalid': invalid }) => (
            <Suggest
              id={id}
              value={line}
              onChange={setLine}
              items={SHELLS}
              placeholder={t('terminal.shellDefault')}
              autoFocus
              invalid={invalid}
            />
          )}
        </Field>
        <Field label={t('run.user')} hint={t('terminal.userHint')}>
          {({ id }) => (
            <Suggest
              id={id}
              value={user}
              onChange={setUser}
              items={['root', ...(own === '' || own === 'root' ? [] : [own])]}
              placeholder={own === '' ? 'root' : own}
            />
          )}
        </Field>
      </div>
    </Modal>
  )
}

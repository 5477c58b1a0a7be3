import { KeyRound, LogOut, Plus } from 'lucide-react'
import { useCallback, useEffect, useState } from 'react'
import type { RegistryAccount, RegistryAccountList } from '../../../app/contract.ts'
import { call } from '../../api.ts'
import { Button, IconButton } from '../../components/button.tsx'
import { Modal } from '../../components/dialog.tsx'
import { Field, TextInput } from '../../components/field.tsx'
import { Section } from '../../components/page.tsx'
import { Notice } from '../../components/states.tsx'
import { Badge } from '../../components/status.tsx'
import { notify, notifyError } from '../../components/toast.tsx'
import { closeDialog, dialogs, showDialog } from '../../dialogs.ts'
import { errorText, failureOf } from '../../errors.ts'
import { useI18n } from '../../i18n.ts'
import { useOnline } from '../../session-hooks.ts'
import { useStore } from '../../store.ts'

/** Who one is at which registry. Read from the host process, which has it without an engine too. */
export function Registries() {
  const { t } = useI18n()
  const online = useOnline()
  const [list, setList] = useState<RegistryAccountList | undefined>(undefined)
  const [problem, setProblem] = useState<string | undefined>(undefined)
  const dialog = useStore(dialogs, ({ open }) => open)
  const read = useCallback(
    () => void call('registries.list', []).then(setList, (error: unknown) => setProblem(errorText(error))),
    [],
  )
  // biome-ignore lint/correctness/useExhaustiveDependencies: a closed dialog may have signed in
  useEffect(read, [read, dialog])
  return (
    <Section
      title={t('registries.title')}
      action={
        <Button icon={Plus} disabled={!online} onClick={() => showDialog({ kind: 'login' })}>
          {t('registries.signInDots')}
        </Button>
      }
    >
      {problem && <Notice tone="error">{problem}</Notice>}
      <div className="card">
        {list?.accounts.length === 0 && (
          <div className="card-row muted">
            <KeyRound size={15} aria-hidden />
            {t('registries.none')}
          </div>
        )}
        {list?.accounts.map((account) => (
          <AccountRow key={account.host} account={account} onChange={read} />
        ))}
      </div>
      {list && <p className="field-hint registry-storage">{t(`registries.storage.${list.storage}`)}</p>}
    </Section>
  )
}

function AccountRow({ account, onChange }: { account: RegistryAccount; onChange: () => void }) {
  const { t } = useI18n()
  const { host, user, source, usable } = account
  const signOut = (): void => {
    call('registries.logout', [host]).then(onChange, (error: unknown) =>
      notifyError(t('registries.signOutFailed', { host }), error),
    )
  }
  return (
    <div className="card-row">
      <div className="grow">
        {host === 'docker.io' ? 'Docker Hub' : host}
        <span className="field-hint">{usable ? user : t('registries.sealed')}</span>
      </div>
      {source === 'docker' ? (
        <Badge tone="gray">{t('registries.fromDocker')}</Badge>
      ) : (
        <IconButton icon={LogOut} label={t('registries.signOut', { host })} onClick={signOut} />
      )}
    </div>
  )
}

/** Signs in: the registry itself is asked before anything is kept. */
export function LoginDialog({ host: initial }: { host: string }) {
  const { t } = useI18n()
  const [host, setHost] = useState(initial)
  const [user, setUser] = useState('')
  const [password, setPassword] = useState('')
  const [pending, setPending] = useState(false)
  const [failure, setFailure] = useState<string | undefined>(undefined)
  const ready = host.trim() !== '' && user.trim() !== '' && password !== ''
  const submit = (): void => {
    if (!ready) return
    setPending(true)
    setFailure(undefined)
    call('registries.login', [host.trim(), user.trim(), password]).then(
      () => {
        closeDialog()
        notify({ title: t('registries.signedIn', { host: host.trim() }), kind: 'success' })
      },
      (error: unknown) => {
        setPending(false)
        setFailure(failureOf(error))
      },
    )
  }
  return (
    <Modal
      title={t('registries.signIn')}
      width={420}
      onClose={closeDialog}
      onSubmit={submit}
      footer={
        <>
          <Button onClick={closeDialog}>{t('common.cancel')}</Button>
          <Button kind="primary" type="submit" busy={pending} disabled={!ready}>
            {t('registries.signIn')}
          </Button>
        </>
      }
    >
      <div className="form">
        {failure && <Notice tone="error">{failure}</Notice>}
        <Field label={t('registries.host')} hint={t('registries.hostHint')}>
          {(field) => (
            <TextInput
              {...field}
              autoFocus={initial === ''}
              placeholder="ghcr.io"
              value={host}
              onChange={(event) => setHost(event.target.value)}
            />
          )}
        </Field>
        <Field label={t('registries.user')}>
          {(field) => (
            <TextInput
              {...field}
              autoFocus={initial !== ''}
              value={user}
              onChange={(event) => setUser(event.target.value)}
            />
          )}
        </Field>
        <Field label={t('registries.password')}>
          {(field) => (
            <TextInput
              {...field}
              type="password"
              value={password}
              onChange={(event) => setPassword(event.target.value)}
            />
          )}
        </Field>
      </div>
    </Modal>
  )
}

import { useState } from 'react'
import { call } from '../../api.ts'
import { Button } from '../../components/button.tsx'
import { Modal } from '../../components/dialog.tsx'
import { Checkbox, Field, TextInput } from '../../components/field.tsx'
import { Notice } from '../../components/states.tsx'
import { closeDialog } from '../../dialogs.ts'
import { failureOf } from '../../errors.ts'
import { useI18n } from '../../i18n.ts'

export function NetworkDialog() {
  const { t } = useI18n()
  const [name, setName] = useState('')
  const [subnet, setSubnet] = useState('')
  const [internal, setInternal] = useState(false)
  const [ipv6, setIpv6] = useState(false)
  const [pending, setPending] = useState(false)
  const [failure, setFailure] = useState<string | undefined>(undefined)
  const create = (): void => {
    if (name.trim() === '') return
    setPending(true)
    const body = {
      Name: name.trim(),
      Driver: 'bridge',
      Internal: internal,
      EnableIPv6: ipv6,
      ...(subnet.trim() && { IPAM: { Config: [{ Subnet: subnet.trim() }] } }),
    }
    call('networks.create', [body]).then(closeDialog, (error: unknown) => {
      setPending(false)
      setFailure(failureOf(error))
    })
  }
  return (
    <Modal
      title={t('networks.createTitle')}
      width={420}
      onClose={closeDialog}
      onSubmit={create}
      footer={
        <>
          <Button onClick={closeDialog}>{t('common.cancel')}</Button>
          <Button kind="primary" type="submit" busy={pending} disabled={name.trim() === ''}>
            {t('common.create')}
          </Button>
        </>
      }
    >
      <div className="form">
        {failure && <Notice tone="error">{failure}</Notice>}
        <Field label={t('common.name')}>
          {(field) => (
            <TextInput {...field} autoFocus value={name} onChange={(event) => setName(event.target.value)} />
          )}
        </Field>
        <Field label={t('networks.subnet')} hint={t('networks.subnetHint')}>
          {(field) => (
            <TextInput
              {...field}
              placeholder="172.30.0.0/16"
              value={subnet}
              onChange={(event) => setSubnet(event.target.value)}
            />
          )}
        </Field>
        <Checkbox
          checked={internal}
          onChange={setInternal}
          label={t('networks.internal')}
          hint={t('networks.internalHint')}
        />
        <Checkbox checked={ipv6} onChange={setIpv6} label="IPv6" />
      </div>
    </Modal>
  )
}

import { useMemo, useState } from 'react'
import { pullImage } from '../../actions.ts'
import { Button } from '../../components/button.tsx'
import { Modal } from '../../components/dialog.tsx'
import { Field } from '../../components/field.tsx'
import { Suggest } from '../../components/suggest.tsx'
import { notifyError } from '../../components/toast.tsx'
import { closeDialog } from '../../dialogs.ts'
import { useI18n } from '../../i18n.ts'
import { useImages } from '../../queries.ts'
import { go } from '../../router.ts'
import { useCompletion } from './completion.ts'

export function PullDialog({ reference: initial }: { reference: string }) {
  const { t } = useI18n()
  const [reference, setReference] = useState(initial)
  const images = useImages()
  const { items, details, problem } = useCompletion(reference)
  const suggestions = useMemo(() => {
    const local = 'data' in images ? (images.data ?? []).flatMap((image) => image.RepoTags ?? []) : []
    const wanted = reference.toLowerCase()
    const here = local.filter((tag) => !tag.startsWith('<') && tag.toLowerCase().includes(wanted))
    // Names that a search found need not have the word in them.
    const found = items.filter((item) => details.has(item) || item.toLowerCase().includes(wanted))
    return [...new Set([...here, ...found])].slice(0, 200)
  }, [images, items, details, reference])
  const pull = (): void => {
    const name = reference.trim()
    if (name === '') return
    closeDialog()
    go('images')
    pullImage(name).catch((error: unknown) => notifyError(t('failed.pull', { name }), error))
  }
  return (
    <Modal
      title={t('images.pullTitle')}
      width={520}
      onClose={closeDialog}
      onSubmit={pull}
      footer={
        <>
          <Button onClick={closeDialog}>{t('common.cancel')}</Button>
          <Button kind="primary" type="submit" disabled={reference.trim() === ''}>
            {t('images.pull')}
          </Button>
        </>
      }
    >
      <Field
        label={t('run.image')}
        hint={problem === undefined ? t('images.pullHint') : t('images.noCompletion', { problem })}
      >
        {({ id }) => (
          <Suggest
            id={id}
            value={reference}
            onChange={setReference}
            items={suggestions}
            placeholder="redis:7"
            autoFocus
            filtered
            details={details}
          />
        )}
      </Field>
    </Modal>
  )
}

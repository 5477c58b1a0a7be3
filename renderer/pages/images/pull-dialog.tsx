import { useEffect, useMemo, useState } from 'react'
import { pullImage } from '../../actions.ts'
import { call } from '../../api.ts'
import { Button } from '../../components/button.tsx'
import { Modal } from '../../components/dialog.tsx'
import { Field } from '../../components/field.tsx'
import { Suggest } from '../../components/suggest.tsx'
import { notifyError } from '../../components/toast.tsx'
import { closeDialog } from '../../dialogs.ts'
import { useI18n } from '../../i18n.ts'
import { useImages } from '../../queries.ts'
import { go } from '../../router.ts'

export function PullDialog({ reference: initial }: { reference: string }) {
  const { t } = useI18n()
  const [reference, setReference] = useState(initial)
  const images = useImages()
  const tags = useRegistryTags(reference)
  const suggestions = useMemo(() => {
    const local = 'data' in images ? (images.data ?? []).flatMap((image) => image.RepoTags ?? []) : []
    const wanted = reference.toLowerCase()
    return [...new Set([...tags, ...local])]
      .filter((tag) => !tag.startsWith('<') && tag.toLowerCase().includes(wanted))
      .slice(0, 200)
  }, [images, tags, reference])
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
      width={440}
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
      <Field label={t('run.image')} hint={t('images.pullHint')}>
        {({ id }) => (
          <Suggest
            id={id}
            value={reference}
            onChange={setReference}
            items={suggestions}
            placeholder="redis:7"
            autoFocus
            filtered
          />
        )}
      </Field>
    </Modal>
  )
}

/** Tags of the repository before the colon, where its registry lists them. */
function useRegistryTags(reference: string): readonly string[] {
  const repository = /^(.+):[^/]*$/.exec(reference)?.[1] ?? ''
  const [tags, setTags] = useState<readonly string[]>([])
  useEffect(() => {
    setTags([])
    if (repository === '') return
    const abort = new AbortController()
    const timer = setTimeout(() => {
      call('images.tags', [repository], { signal: abort.signal }).then(
        (list) => setTags(list.map((tag) => `${repository}:${tag}`)),
        // Only a completion: a registry that lists nothing is not an error here.
        () => setTags([]),
      )
    }, 300)
    return () => {
      clearTimeout(timer)
      abort.abort()
    }
  }, [repository])
  return tags
}

import { FolderOpen } from 'lucide-react'
import { useState } from 'react'
import { open } from '../../api.ts'
import { Button } from '../../components/button.tsx'
import { Modal } from '../../components/dialog.tsx'
import { Checkbox, Field, TextInput } from '../../components/field.tsx'
import { Notice } from '../../components/states.tsx'
import { notify } from '../../components/toast.tsx'
import { closeDialog } from '../../dialogs.ts'
import { failureOf } from '../../errors.ts'
import { count } from '../../format.ts'
import { useI18n } from '../../i18n.ts'
import { ignorePatterns, isIgnored } from '../../lib/docker-ignore.ts'
import { chooseFiles } from '../../lib/save-file.ts'
import { tarFiles } from '../../lib/tar.ts'
import { useStore } from '../../store.ts'
import { feedBlob, startTask, tasks } from '../../tasks.ts'
import { TaskCard } from './task-list.tsx'

interface Context {
  folder: string
  files: { name: string; data: Blob; time: number }[]
}

/** The files of a chosen folder with paths inside it, without what its .dockerignore leaves out. */
async function readContext(chosen: readonly File[], dockerfile: string): Promise<Context> {
  const inside = (file: File): string => file.webkitRelativePath.split('/').slice(1).join('/')
  const ignore = chosen.find((file) => inside(file) === '.dockerignore')
  const patterns = ignorePatterns(ignore ? await ignore.text() : '')
  const files = chosen
    .map((file) => ({ name: inside(file), data: file, time: file.lastModified }))
    .filter(({ name }) => name === dockerfile || name === '.dockerignore' || !isIgnored(name, patterns))
  return { folder: chosen[0]?.webkitRelativePath.split('/')[0] ?? '', files }
}

export function BuildDialog() {
  const { t, locale } = useI18n()
  const [chosen, setChosen] = useState<readonly File[]>([])
  const [tag, setTag] = useState('')
  const [dockerfile, setDockerfile] = useState('Dockerfile')
  const [noCache, setNoCache] = useState(false)
  const [pending, setPending] = useState(false)
  const [failure, setFailure] = useState<string | undefined>(undefined)
  const task = useStore(tasks, (all) => all.find((one) => one.kind === 'build'))
  const folder = chosen[0]?.webkitRelativePath.split('/')[0]
  const build = async (): Promise<void> => {
    setPending(true)
    setFailure(undefined)
    try {
      const context = await readContext(chosen, dockerfile)
      const archive = tarFiles(context.files)
      const options = { dockerfile, noCache, ...(tag.trim() && { tag: tag.trim() }) }
      await startTask(
        'build',
        tag.trim() || context.folder,
        (handlers) => open('images.build', [options], handlers),
        (stream, signal) => feedBlob(archive, stream, signal),
      )
      notify({ title: t('images.built', { name: tag.trim() || context.folder }), kind: 'success' })
      closeDialog()
    } catch (error) {
      setFailure(failureOf(error))
    } finally {
      setPending(false)
    }
  }
  return (
    <Modal
      title={t('build.title')}
      width={680}
      onClose={closeDialog}
      onSubmit={() => void build()}
      footer={
        <>
          <Button onClick={closeDialog}>{t('common.close')}</Button>
          <Button kind="primary" type="submit" busy={pending} disabled={chosen.length === 0}>
            {t('images.build')}
          </Button>
        </>
      }
    >
      <div className="form">
        {failure && <Notice tone="error">{failure}</Notice>}
        <div className="row">
          <Button icon={FolderOpen} onClick={() => void chooseFiles({ folder: true }).then(setChosen)}>
            {t('build.choose')}
          </Button>
          <span className="muted">
            {folder
              ? t('build.chosen', { folder, count: chosen.length, files: count(chosen.length, locale) })
              : t('build.chooseHint')}
          </span>
        </div>
        <div className="form-pair">
          <Field label={t('build.tag')}>
            {(field) => (
              <TextInput
                {...field}
                placeholder="my-app:latest"
                value={tag}
                onChange={(event) => setTag(event.target.value)}
              />
            )}
          </Field>
          <Field label={t('build.dockerfile')}>
            {(field) => (
              <TextInput
                {...field}
                value={dockerfile}
                onChange={(event) => setDockerfile(event.target.value)}
              />
            )}
          </Field>
        </div>
        <Checkbox checked={noCache} onChange={setNoCache} label={t('build.noCache')} />
        {task && (pending || task.state === 'failed') && <TaskCard task={task} />}
      </div>
    </Modal>
  )
}

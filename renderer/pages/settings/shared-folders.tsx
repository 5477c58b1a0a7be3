import { Folder, Plus, X } from 'lucide-react'
import { useEffect, useState } from 'react'
import type { Settings, SettingsPatch } from '../../../app/settings-schema.ts'
import { call } from '../../api.ts'
import { Button, IconButton } from '../../components/button.tsx'
import { TextInput } from '../../components/field.tsx'
import { Section } from '../../components/page.tsx'
import { notifyError } from '../../components/toast.tsx'
import { useI18n } from '../../i18n.ts'

interface SharedFoldersProps {
  settings: Settings
  save: (patch: SettingsPatch) => void
  /** The system's own dialog is there to choose with. */
  electron: boolean
}

/** Which folders of this computer containers may be given; applied at once. */
export function SharedFolders({ settings: { sharedFolders }, save, electron }: SharedFoldersProps) {
  const { t } = useI18n()
  const change = (folders: string[]): void => save({ sharedFolders: folders })
  const add = (folder: string | undefined): void => {
    if (folder !== undefined && !sharedFolders.includes(folder)) change([...sharedFolders, folder])
  }
  const choose = (): void =>
    void call('folders.choose', []).then(add, (error: unknown) => notifyError(t('settings.failed'), error))
  const reset = (): void =>
    void call('settings.defaults', []).then(
      (defaults) => change(defaults.sharedFolders),
      (error: unknown) => notifyError(t('settings.failed'), error),
    )
  return (
    <Section
      title={t('settings.folders')}
      action={
        <span className="row">
          <Button kind="ghost" onClick={reset}>
            {t('settings.foldersReset')}
          </Button>
          {electron && (
            <Button icon={Plus} onClick={choose}>
              {t('settings.addFolderDots')}
            </Button>
          )}
        </span>
      }
    >
      <div className="card">
        {sharedFolders.length === 0 && <div className="card-row muted">{t('settings.foldersNone')}</div>}
        {sharedFolders.map((folder) => (
          <div className="card-row" key={folder}>
            <Folder size={15} className="faint" aria-hidden />
            <div className="grow ellipsis" title={folder}>
              {folder}
            </div>
            <IconButton
              icon={X}
              label={t('settings.removeFolder', { folder })}
              onClick={() => change(sharedFolders.filter((each) => each !== folder))}
            />
          </div>
        ))}
        {!electron && <FolderBox known={sharedFolders} onAdd={add} />}
      </div>
      <p className="field-hint settings-note">{t('settings.foldersHint')}</p>
    </Section>
  )
}

/** The page of a browser cannot ask for a path of the computer: it is typed, and emptied once it is in the list. */
function FolderBox({ known, onAdd }: { known: readonly string[]; onAdd: (folder: string) => void }) {
  const { t } = useI18n()
  const [text, setText] = useState('')
  const folder = text.trim()
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is typed while the list stays is kept
  useEffect(() => setText(''), [known.length])
  const add = (): void => {
    if (folder !== '') onAdd(folder)
  }
  return (
    <div className="card-row">
      <TextInput
        aria-label={t('settings.folderPath')}
        placeholder={t('settings.folderPath')}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter') add()
        }}
      />
      <Button icon={Plus} disabled={folder === ''} onClick={add}>
        {t('settings.addFolder')}
      </Button>
    </div>
  )
}

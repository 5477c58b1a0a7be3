import { FolderOpen } from 'lucide-react'
import { useEffect, useState } from 'react'
import { call } from '../../api.ts'
import { IconButton } from '../../components/button.tsx'
import { notifyError } from '../../components/toast.tsx'
import { useI18n } from '../../i18n.ts'
import { session } from '../../session.ts'
import { useStore } from '../../store.ts'

const PATH = /^(?:\/|[a-zA-Z]:[\\/])/

/** Shared folders of this computer that continue what is typed, a moment after the last key; none for names. */
export function useHostFolders(text: string): readonly string[] {
  const [folders, setFolders] = useState<readonly string[]>([])
  useEffect(() => {
    if (!PATH.test(text)) return setFolders([])
    const abort = new AbortController()
    const timer = setTimeout(() => {
      call('folders.complete', [text], { signal: abort.signal }).then(
        setFolders,
        // Only a help: any path may be typed.
        () => setFolders([]),
      )
    }, 100)
    return () => {
      clearTimeout(timer)
      abort.abort()
    }
  }, [text])
  return folders
}

/** Opens the system's dialog, where there is one. */
export function ChooseFolder({ onChoose }: { onChoose: (folder: string) => void }) {
  const { t } = useI18n()
  const electron = useStore(session, (state) => state.app?.shell === 'electron')
  if (!electron) return undefined
  const choose = (): void =>
    void call('folders.choose', []).then(
      (folder) => folder !== undefined && onChoose(folder),
      (error: unknown) => notifyError(t('run.chooseFolder'), error),
    )
  return <IconButton icon={FolderOpen} label={t('run.chooseFolder')} onClick={choose} />
}

import { FolderOpen, Trash2 } from 'lucide-react'
import { act } from '../../actions.ts'
import { call } from '../../api.ts'
import type { MenuEntry } from '../../components/menu.tsx'
import { showDialog } from '../../dialogs.ts'
import { t } from '../../i18n.ts'
import { go } from '../../router.ts'

export function createVolume(): void {
  showDialog({
    kind: 'prompt',
    title: t('volumes.createTitle'),
    label: t('common.name'),
    value: '',
    action: t('common.create'),
    run: (Name) => call('volumes.create', [{ Name }]),
  })
}

export function volumeMenu(name: string, used: boolean): MenuEntry[] {
  return [
    { label: t('volumes.browse'), icon: FolderOpen, shortcut: 'Enter', run: () => go('volumes', name) },
    'separator',
    {
      label: t('common.delete'),
      icon: Trash2,
      danger: true,
      shortcut: 'Delete',
      disabled: used,
      run: () => removeVolume(name, used),
    },
  ]
}

/** Data in a volume cannot be brought back, so this asks. */
export function removeVolume(name: string, used: boolean): void {
  if (used) return
  showDialog({
    kind: 'confirm',
    title: t('volumes.deleteTitle', { name }),
    text: t('volumes.deleteText'),
    action: t('common.delete'),
    run: () => void act(name, 'remove', name, () => call('volumes.remove', [name, {}])),
  })
}

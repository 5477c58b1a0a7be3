import {
  Copy,
  CopyPlus,
  ExternalLink,
  FileText,
  Info,
  Pause,
  Pencil,
  PencilLine,
  Play,
  RotateCw,
  Skull,
  Square,
  Terminal,
  Trash2,
} from 'lucide-react'
import type { ContainerSummary } from '../../../vm/api/containers.ts'
import {
  canDo,
  doToContainers,
  nameOf,
  openUrl,
  portUrl,
  removeContainers,
  renameContainer,
} from '../../actions.ts'
import { call } from '../../api.ts'
import type { MenuEntry } from '../../components/menu.tsx'
import { copyText, notifyError } from '../../components/toast.tsx'
import { showDialog } from '../../dialogs.ts'
import { t } from '../../i18n.ts'
import { go } from '../../router.ts'
import { fromInspect } from '../run/run-form.ts'
import { portChips } from './containers-view.ts'

/** Everything that can be done to the selected containers; with one, also what is only for one. */
export function containerMenu(containers: readonly ContainerSummary[]): MenuEntry[] {
  const verbs: MenuEntry[] = []
  const offer = (
    verb: 'start' | 'stop' | 'restart' | 'pause' | 'unpause' | 'kill',
    rest: Omit<Extract<MenuEntry, object>, 'run' | 'label'>,
  ): void => {
    if (containers.some((one) => canDo(verb, one)))
      verbs.push({ label: t(`verb.${verb}`), ...rest, run: () => void doToContainers(verb, containers) })
  }
  offer('start', { icon: Play, shortcut: 'S' })
  offer('stop', { icon: Square, shortcut: 'S' })
  offer('restart', { icon: RotateCw, shortcut: 'R' })
  offer('pause', { icon: Pause, shortcut: 'P' })
  offer('unpause', { icon: Play, shortcut: 'P' })
  offer('kill', { icon: Skull })
  const only = containers.length === 1 ? containers[0] : undefined
  return [
    ...verbs,
    ...(only ? singleEntries(only) : []),
    'separator',
    {
      label: t('common.delete'),
      icon: Trash2,
      shortcut: 'Delete',
      danger: true,
      run: () => removeContainers(containers),
    },
  ]
}

function singleEntries(container: ContainerSummary): MenuEntry[] {
  const { Id } = container
  const running = container.State === 'running'
  const ports = portChips(container).filter((chip) => chip.protocol === 'tcp' && running)
  return [
    'separator',
    ...ports.slice(0, 4).map(
      (chip): MenuEntry => ({
        label: t('containers.openPort', { port: chip.port }),
        icon: ExternalLink,
        run: () => openUrl(portUrl(chip.ip, chip.port)),
      }),
    ),
    { label: t('detail.logs'), icon: FileText, shortcut: 'L', run: () => go('containers', Id, 'logs') },
    {
      label: t('detail.terminal'),
      icon: Terminal,
      shortcut: 'T',
      disabled: !running,
      run: () => go('containers', Id, 'terminal'),
    },
    { label: t('detail.inspect'), icon: Info, run: () => go('containers', Id, 'inspect') },
    'separator',
    {
      label: t('common.renameDots'),
      icon: PencilLine,
      shortcut: 'F2',
      run: () => renameContainer(Id, nameOf(container)),
    },
    {
      label: t('containers.editDots'),
      icon: Pencil,
      shortcut: 'E',
      run: () => showDialog({ kind: 'edit', id: Id }),
    },
    { label: t('containers.runAnother'), icon: CopyPlus, run: () => void runAnother(Id) },
    { label: t('common.copyId'), icon: Copy, run: () => copyText(Id) },
  ]
}

async function runAnother(id: string): Promise<void> {
  try {
    const inspect = await call('containers.inspect', [id])
    const image = await call('images.inspect', [inspect.Image])
    const form = fromInspect(inspect, image.Config.Env ?? [])
    showDialog({
      kind: 'run',
      form: { ...form, name: '', ports: form.ports.map((port) => ({ ...port, host: '' })) },
    })
  } catch (error) {
    notifyError(t('failed.inspect', { name: id.slice(0, 12) }), error)
  }
}

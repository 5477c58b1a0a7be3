import { Trash2 } from 'lucide-react'
import type { NetworkInspect } from '../../../vm/api/networks.ts'
import { act, deferred } from '../../actions.ts'
import { call } from '../../api.ts'
import type { MenuEntry } from '../../components/menu.tsx'
import { t } from '../../i18n.ts'

/** Docker's own, which are always there. */
export function isBuiltIn({ Name }: NetworkInspect): boolean {
  return ['bridge', 'host', 'none'].includes(Name)
}

/** Docker refuses to remove its own networks and those with members. */
export function canRemove(network: NetworkInspect): boolean {
  return !isBuiltIn(network) && Object.keys(network.Containers ?? {}).length === 0
}

/** A network without members is easily made again, so this is undone rather than asked. */
export function removeNetwork(network: NetworkInspect): void {
  if (!canRemove(network)) return
  deferred([network.Id], t('networks.deleted', { name: network.Name }), () =>
    act(network.Id, 'remove', network.Name, () => call('networks.remove', [network.Id])),
  )
}

export function networkMenu(network: NetworkInspect): MenuEntry[] {
  return [
    {
      label: t('common.delete'),
      icon: Trash2,
      danger: true,
      shortcut: 'Delete',
      disabled: !canRemove(network),
      run: () => removeNetwork(network),
    },
  ]
}

/** Legacy `--link NAME:ALIAS` on the default bridge: names in /etc/hosts. */
import type { Container } from './container.ts'
import type { LinkedContainer } from './etc-files.ts'
import { primaryAddress } from './network-mode.ts'
import type { Parts } from './parts.ts'

/** Addresses of the running containers that `container` links to. */
export function linkedContainers(parts: Pick<Parts, 'table'>, container: Container): LinkedContainer[] {
  return (container.record.hostConfig.Links ?? []).flatMap((link) => {
    const [target = '', alias = target] = link.split(':')
    const other = parts.table.find(target)
    const address = other && primaryAddress(other.record)
    if (!other || !address) return []
    return [
      {
        address,
        names: [...new Set([alias, other.record.config.Hostname ?? '', other.name])].filter(
          (name) => name !== '',
        ),
      },
    ]
  })
}

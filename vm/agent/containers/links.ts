/** Legacy links (`--link NAME:ALIAS`) on the default bridge: names in /etc/hosts, and what the other one has as variables. */
import { posix } from 'node:path'
import { EngineError } from '../../api/errors.ts'
import type { Container } from './container.ts'
import type { LinkedContainer } from './etc-files.ts'
import { linkEnvironment } from './link-environment.ts'
import { primaryAddress } from './network-mode.ts'
import type { Parts } from './parts.ts'

/** One link: the container's name or ID and what it is called; `/b:/a/alias`, as inspect shows it, is read, too. */
export function parseLink(link: string): { target: string; alias: string } {
  const [target = '', alias = target, ...rest] = link.split(':')
  if (link === '') throw ownFault('empty string specified for links')
  if (rest.length > 0) throw ownFault(`bad format for links: ${link}`)
  if (!target.startsWith('/')) return { target, alias }
  return { target: target.slice(1), alias: posix.basename(alias) }
}

/** What dockerd answers with 500 although the request is to blame. */
function ownFault(message: string): EngineError {
  return new EngineError('invalid_argument', message, { details: { status: 500 } })
}

/** Addresses of the running containers that `container` links to. */
export function linkedContainers(parts: Pick<Parts, 'table'>, container: Container): LinkedContainer[] {
  return (container.record.hostConfig.Links ?? []).flatMap((link) => {
    const { target, alias } = parseLink(link)
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

/**
 * The variables that the links of a container on the default bridge give it; those of another network give none. A linked
 * container that does not run, or is on other networks only, fails the start, in Docker's words.
 */
export function linkVariables(parts: Pick<Parts, 'table'>, container: Container): string[] {
  const { hostConfig } = container.record
  if (!onDefaultBridge(hostConfig.NetworkMode)) return []
  return (hostConfig.Links ?? []).flatMap((link) => {
    const { target, alias } = parseLink(link)
    const other = parts.table.find(target)
    if (!other) return []
    const name = `/${container.name}/${alias}`
    if (!other.running) {
      throw new EngineError('internal', `Cannot link to a non running container: /${other.name} AS ${name}`)
    }
    const address = other.record.endpoints['bridge']?.IPAddress
    if (!address) {
      throw new EngineError('internal', `container ${other.id} not attached to default bridge network`)
    }
    const { Env, ExposedPorts } = other.record.config
    return linkEnvironment({ address, name, ports: Object.keys(ExposedPorts ?? {}), env: Env ?? [] })
  })
}

/** The links as inspect shows them: `/other:/own/alias`; those of another network are that endpoint's. */
export function shownLinks(parts: Pick<Parts, 'table'>, container: Container): string[] | null {
  const { Links, NetworkMode } = container.record.hostConfig
  if (!Links || Links.length === 0 || !onDefaultBridge(NetworkMode)) return null
  return Links.flatMap((link) => {
    const { target, alias } = parseLink(link)
    const other = parts.table.find(target)
    return other ? [`/${other.name}:/${container.name}/${alias}`] : []
  })
}

function onDefaultBridge(mode: string | undefined): boolean {
  return ['', 'default', 'bridge'].includes(mode ?? '')
}

/** hostname, hosts and resolv.conf of a container: made by the engine, bound over the image's own. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ContainerRecord } from './record.ts'

const LOCALHOST = [
  '127.0.0.1\tlocalhost',
  '::1\tlocalhost ip6-localhost ip6-loopback',
  'fe00::\tip6-localnet',
  'ff00::\tip6-mcastprefix',
  'ff02::1\tip6-allnodes',
  'ff02::2\tip6-allrouters',
]

/** Host names that lead to the user's own machine: its loopback as the VM sees it. */
export const HOST_ADDRESS = '10.0.2.2'

export interface LinkedContainer {
  address: string
  names: string[]
}

/** The text of /etc/hosts. Pure. */
export function hostsFile(record: ContainerRecord, links: readonly LinkedContainer[] = []): string {
  const { Hostname = '', Domainname = '' } = record.config
  const own = Domainname ? `${Hostname}.${Domainname} ${Hostname}` : Hostname
  const addresses = Object.values(record.endpoints).flatMap((endpoint) =>
    [endpoint.IPAddress, endpoint.GlobalIPv6Address].filter((address) => address),
  )
  const extra = (record.hostConfig.ExtraHosts ?? []).map((entry) => {
    const [, name = '', address = ''] = /^([^:=]+)[:=](.+)$/.exec(entry) ?? []
    const bare = address.replace(/^\[(.*)\]$/, '$1')
    return `${bare === 'host-gateway' ? HOST_ADDRESS : bare}\t${name}`
  })
  return `${[
    ...LOCALHOST,
    `${HOST_ADDRESS}\thost.docker.internal gateway.docker.internal`,
    ...extra,
    ...links.map((link) => `${link.address}\t${link.names.join(' ')}`),
    ...addresses.map((address) => `${address}\t${own}`),
  ].join('\n')}\n`
}

export interface EtcPaths {
  hostname: string
  hosts: string
  resolvConf: string
}

export function etcPaths(directory: string): EtcPaths {
  return {
    hostname: join(directory, 'hostname'),
    hosts: join(directory, 'hosts'),
    resolvConf: join(directory, 'resolv.conf'),
  }
}

/** Writes in place: the files are bound into the container, which must see the new text. */
export async function writeEtc(
  directory: string,
  files: { hostname?: string; hosts?: string; resolvConf?: string },
): Promise<void> {
  const paths = etcPaths(directory)
  await Promise.all(
    (Object.entries(files) as [keyof EtcPaths, string][]).map(([name, text]) =>
      writeFile(paths[name], text, { mode: 0o644 }),
    ),
  )
}

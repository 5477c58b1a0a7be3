/** Contents of a container's /etc/hosts (hosts(5)). Pure. */
import { EngineError } from '../../api/errors.ts'
import { parseAddress } from './address.ts'
import { HOST_GATEWAY } from './forwards.ts'

const FIXED = [
  '127.0.0.1\tlocalhost',
  '::1\tlocalhost ip6-localhost ip6-loopback',
  'fe00::\tip6-localnet',
  'ff00::\tip6-mcastprefix',
  'ff02::1\tip6-allnodes',
  'ff02::2\tip6-allrouters',
]

/**
 * The file. `extraHosts` as in `--add-host` (`name:address`, also `name=address`); the address `host-gateway` is the
 * host. `own`: the container's addresses, named after its host name.
 */
export function hostsText(options: {
  hostname: string
  domainname: string
  own: readonly string[]
  extraHosts: readonly string[]
  links?: readonly { address: string; names: string[] }[]
}): string {
  const { hostname, domainname } = options
  const names = domainname === '' ? hostname : `${hostname}.${domainname} ${hostname}`
  return [
    ...FIXED,
    `${HOST_GATEWAY}\thost.docker.internal gateway.docker.internal`,
    ...options.extraHosts.map((text) => {
      const { name, address } = parseExtraHost(text)
      return `${address}\t${name}`
    }),
    ...(options.links ?? []).map(({ address, names: aliases }) => `${address}\t${aliases.join(' ')}`),
    ...options.own.filter((address) => address !== '').map((address) => `${address}\t${names}`),
    '',
  ].join('\n')
}

/** One `--add-host`; invalid_argument in Docker's words. */
export function parseExtraHost(text: string): { name: string; address: string } {
  const match = /^(?<name>[^:=\s]+)[:=](?<address>.+)$/.exec(text)
  const name = match?.groups?.['name']
  if (name === undefined)
    throw new EngineError('invalid_argument', `bad format for add-host: ${JSON.stringify(text)}`)
  const given = (match?.groups?.['address'] ?? '').replace(/^\[(.*)\]$/, '$1')
  if (given === 'host-gateway') return { name, address: HOST_GATEWAY }
  if (!parseAddress(given)) {
    throw new EngineError('invalid_argument', `invalid IP address in add-host: ${JSON.stringify(given)}`)
  }
  return { name, address: given }
}

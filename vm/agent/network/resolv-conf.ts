/** Contents of a container's resolv.conf (resolv.conf(5)). Pure. */

/** Address of the embedded resolver inside containers of user-defined networks; Docker's. */
export const RESOLVER_ADDRESS = '127.0.0.11'

export interface DnsOptions {
  servers: string[]
  search: string[]
  options: string[]
}

/** The parts of a resolv.conf. */
export function parseResolvConf(text: string): DnsOptions {
  const result: DnsOptions = { servers: [], search: [], options: [] }
  for (const line of text.split('\n')) {
    const [key, ...values] = line.trim().split(/\s+/)
    if (key === 'nameserver' && values[0]) result.servers.push(values[0])
    if (key === 'search' || key === 'domain') result.search = values
    if (key === 'options') result.options.push(...values)
  }
  return result
}

/** The file: what the user asked for wins over the VM's own part by part; `--dns-search .` means none. */
export function resolvConfText(vm: DnsOptions, asked: DnsOptions, embedded: boolean): string {
  const servers = embedded ? [RESOLVER_ADDRESS] : asked.servers.length > 0 ? asked.servers : vm.servers
  const search = (asked.search.length > 0 ? asked.search : vm.search).filter((domain) => domain !== '.')
  const options = [...(asked.options.length > 0 ? asked.options : vm.options)]
  if (embedded && !options.some((option) => option.startsWith('ndots:'))) options.push('ndots:0')
  return [
    ...servers.map((server) => `nameserver ${server}`),
    ...(search.length > 0 ? [`search ${search.join(' ')}`] : []),
    ...(options.length > 0 ? [`options ${options.join(' ')}`] : []),
    '',
  ].join('\n')
}

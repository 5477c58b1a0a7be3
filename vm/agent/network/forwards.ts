/** What one published port means for host and guest. Pure. */
import { EngineError } from '../../api/errors.ts'
import type { Forward, PortModel, PublishedPort } from '../../api/slipway.ts'
import { parseAddress } from './address.ts'

/** The VM's address on QEMU's user network. */
export const VM_ADDRESS = '10.0.2.15'
/** The host's loopback as the VM sees it. */
export const HOST_GATEWAY = '10.0.2.2'
/** Loopback of both families: what an empty host address stands for. */
export const LOOPBACK = ['127.0.0.1', '::1'] as const

/** sshd answers here: a published port of this number gets another one inside the VM. */
const RESERVED = new Set([22])
const FIRST_FREE = 49_153

/** The VM's published ports of the double model, shared by all containers. */
export class VmPorts {
  readonly #used: Set<string>

  constructor(forwards: readonly Forward[]) {
    this.#used = new Set(
      forwards.flatMap(({ via, protocol, hostPort }) => (via ? [`${protocol}/${via.port || hostPort}`] : [])),
    )
  }

  /** `hostPort` itself where it is known and free, answered as 0 ("the same"), else another free one. */
  take(protocol: string, hostPort: number): number {
    if (hostPort !== 0 && !RESERVED.has(hostPort) && this.#claim(protocol, hostPort)) return 0
    let port = FIRST_FREE
    while (!this.#claim(protocol, port)) port++
    return port
  }

  #claim(protocol: string, port: number): boolean {
    const key = `${protocol}/${port}`
    if (this.#used.has(key)) return false
    this.#used.add(key)
    return true
  }
}

export function toForward(port: PublishedPort, containerIp: string): Forward {
  const { protocol, hostIp, hostPort, hostPortEnd, containerPort } = port
  const range = hostPortEnd === undefined ? {} : { hostPortEnd }
  return { protocol, hostIp, hostPort, ...range, containerIp, containerPort }
}

/** The same forward in the given model. IPv6-only containers are always reached directly: the VM's address is IPv4. */
export function withModel(forward: Forward, model: PortModel, vmPorts: VmPorts): Forward {
  const { via: _, ...direct } = forward
  if (model === 'direct' || forward.containerIp.includes(':')) return direct
  // The number of a range is not known before the host has chosen.
  const known = forward.hostPortEnd === undefined || forward.bound ? forward.hostPort : 0
  return { ...direct, via: { ip: VM_ADDRESS, port: vmPorts.take(forward.protocol, known) } }
}

/** What inspect, ps and port show of a forward: one entry per address that is listened on. */
export function publishedPorts(forward: Forward): PublishedPort[] {
  const { containerPort, protocol, hostPort, hostIp } = forward
  const addresses = forward.bound ?? (hostIp === '' ? LOOPBACK : [hostIp])
  return addresses.map((address) => ({ containerPort, protocol, hostIp: address, hostPort }))
}

/** The listeners of a forward, one per address. */
export function listeners(forward: Forward): Forward[] {
  return publishedPorts(forward).map(({ hostIp }) => ({ ...forward, hostIp, bound: [hostIp] }))
}

export function listenerKey({ protocol, hostIp, hostPort }: Forward): string {
  return `${protocol}/${hostIp}/${hostPort}`
}

/** Whether what exists is what is asked for: by the same request, or by the number that came out of it. */
export function satisfies(made: { port: PublishedPort; forward: Forward }, wanted: PublishedPort): boolean {
  const { port, forward } = made
  return (
    port.containerPort === wanted.containerPort &&
    port.protocol === wanted.protocol &&
    port.hostIp === wanted.hostIp &&
    ((port.hostPort === wanted.hostPort && port.hostPortEnd === wanted.hostPortEnd) ||
      forward.hostPort === wanted.hostPort)
  )
}

/** `127.0.0.1` and `::1` of one port become the one request that means both, as answers of ours are read back. */
export function normalizePorts(ports: readonly PublishedPort[]): PublishedPort[] {
  const twin = (port: PublishedPort, hostIp: string) =>
    ports.some((other) => other.hostIp === hostIp && sameExceptAddress(port, other))
  return ports.flatMap((port) => {
    if (port.hostIp === LOOPBACK[0] && twin(port, LOOPBACK[1])) return [{ ...port, hostIp: '' }]
    if (port.hostIp === LOOPBACK[1] && twin(port, LOOPBACK[0])) return []
    return [port]
  })
}

function sameExceptAddress(a: PublishedPort, b: PublishedPort): boolean {
  return a.containerPort === b.containerPort && a.protocol === b.protocol && a.hostPort === b.hostPort
}

/**
 * conflict when two of `ports` would listen on one number of one address: the host would find the second in use, by
 * the container itself. Names both. What the host chooses (0, a range) cannot clash.
 */
export function refuseTwice(ports: readonly PublishedPort[]): void {
  const wanted = normalizePorts(ports)
  for (const [i, port] of wanted.entries()) {
    const twin = wanted.slice(0, i).find((other) => clashes(other, port))
    if (!twin) continue
    const { hostIp, hostPort, protocol } = port
    const address = hostIp === '' ? '0.0.0.0' : hostIp.includes(':') ? `[${hostIp}]` : hostIp
    throw new EngineError(
      'conflict',
      `Bind for ${address}:${hostPort} failed: port is already allocated (asked for twice: ${shown(twin)} and ${shown(port)})`,
      { details: { port: hostPort, protocol } },
    )
  }
}

function clashes(a: PublishedPort, b: PublishedPort): boolean {
  if (a.protocol !== b.protocol || a.hostPort !== b.hostPort || a.hostPort === 0) return false
  if (a.hostPortEnd !== undefined || b.hostPortEnd !== undefined) return false
  return addressesOf(a).some((one) => addressesOf(b).some((other) => sameAddress(one, other)))
}

function addressesOf({ hostIp }: PublishedPort): readonly string[] {
  return hostIp === '' ? LOOPBACK : [hostIp]
}

/** A wildcard takes the number on every address of its family. */
function sameAddress(a: string, b: string): boolean {
  const [one, other] = [parseAddress(a), parseAddress(b)]
  if (!one || !other || one.family !== other.family) return false
  return one.value === other.value || one.value === 0n || other.value === 0n
}

/** As one types it: `127.0.0.1:8080:80/tcp`. */
function shown({ hostIp, hostPort, containerPort, protocol }: PublishedPort): string {
  const address = hostIp === '' ? '' : hostIp.includes(':') ? `[${hostIp}]:` : `${hostIp}:`
  return `${address}${hostPort}:${containerPort}/${protocol}`
}

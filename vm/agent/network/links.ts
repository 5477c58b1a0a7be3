/** Bridges and the cables into containers, by netlink: no process is spawned. */
import { closeSync, openSync, writeFileSync } from 'node:fs'
import { errnoOf, inNamespace, NetlinkSocket } from '../linux/netlink.ts'
import { decodeAttributes } from '../linux/netlink-message.ts'
import {
  addAddress,
  addBridge,
  addDefaultRoute,
  addVeth,
  deleteDefaultRoute,
  deleteLink,
  getLink,
  getRoutes,
  isolatePort,
  linkIndex,
  setUp,
} from '../linux/rtnetlink.ts'
import { type Address, addressBytes, type Prefix } from './address.ts'

/** An address together with the size of its network. */
export interface InterfaceAddress {
  address: Address
  bits: number
}

export interface Bridge {
  name: string
  mtu: number
  /** Six bytes, `02:42:…`. */
  mac: string
  addresses: InterfaceAddress[]
}

export interface Cable {
  /** Name of the end in the VM, at most 15 characters. */
  name: string
  bridge: string
  mtu: number
  /** No traffic to other isolated ports of the bridge. */
  isolated: boolean
  netns: string
  /** Name inside: `eth0`. */
  interface: string
  mac: string
  addresses: InterfaceAddress[]
  /** Kernel settings of the interface: path under `/proc/sys`, value. */
  sysctls?: [path: string, value: string][]
  /** Default routes through this interface, at most one per family. */
  gateways: Address[]
}

/** What the network service needs of the kernel. All calls are synchronous and take well under a millisecond each. */
export interface Links {
  /** Idempotent; an existing bridge keeps its ports and gets the addresses. */
  ensureBridge(bridge: Bridge): void
  /** A bridge that is not there is not an error. */
  removeBridge(name: string): void
  /** All or nothing. */
  plug(cable: Cable): void
  /** A cable that is gone, with its namespace for instance, is not an error. */
  unplug(name: string): void
  /** Moves the default routes of a namespace from one interface to another. */
  reroute(
    netns: string,
    from: { interface: string; gateways: Address[] } | undefined,
    to: { interface: string; gateways: Address[] } | undefined,
  ): void
  /**
   * Makes the VM a router on `name`: it answers ARP for the containers behind it, at once, and forwards. With `six` it
   * has that IPv6 address and way out too. A missing link is not an error.
   */
  route(name: string, six: { address: Address; bits: number; gateway: Address }): void
  /** IPv4 prefixes that the VM itself has routes to, without the default route and without `except`'s interfaces. */
  routes(except: ReadonlySet<string>): Prefix[]
}

const LOOPBACK_INDEX = 1

export class NetlinkLinks implements Links {
  readonly #socket: NetlinkSocket

  constructor() {
    this.#socket = new NetlinkSocket('route')
  }

  ensureBridge(bridge: Bridge): void {
    try {
      this.#socket.request(addBridge({ name: bridge.name, mtu: bridge.mtu, mac: macBytes(bridge.mac) }))
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error
    }
    const index = indexOf(this.#socket, bridge.name)
    const v6 = bridge.addresses.some(({ address }) => address.family === 6)
    setSysctl(`net/ipv6/conf/${bridge.name}/disable_ipv6`, v6 ? '0' : '1')
    this.#socket.request(
      setUp(index),
      ...bridge.addresses.map(({ address, bits }) => addAddress(index, addressBytes(address), bits)),
    )
  }

  removeBridge(name: string): void {
    this.#remove(name)
  }

  plug(cable: Cable): void {
    this.#addVeth(cable)
    try {
      if (cable.isolated) this.#socket.request(isolatePort(indexOf(this.#socket, cable.name)))
      using inside = new NetlinkSocket('route', cable.netns)
      const index = indexOf(inside, cable.interface)
      const v6 = cable.addresses.some(({ address }) => address.family === 6)
      inNamespace(cable.netns, () => {
        setSysctl(`net/ipv6/conf/${cable.interface}/disable_ipv6`, v6 ? '0' : '1')
        for (const [path, value] of cable.sysctls ?? []) writeFileSync(`/proc/sys/${path}`, value)
      })
      inside.request(
        setUp(LOOPBACK_INDEX),
        setUp(index),
        ...cable.addresses.map(({ address, bits }) => addAddress(index, addressBytes(address), bits)),
        ...cable.gateways.map((gateway) => addDefaultRoute(index, addressBytes(gateway))),
      )
    } catch (error) {
      this.#remove(cable.name)
      throw error
    }
  }

  #addVeth(cable: Cable): void {
    const netns = openSync(cable.netns, 'r')
    try {
      this.#socket.request(
        addVeth({
          name: cable.name,
          mtu: cable.mtu,
          master: indexOf(this.#socket, cable.bridge),
          peer: { name: cable.interface, netns, mac: macBytes(cable.mac) },
        }),
      )
    } finally {
      closeSync(netns)
    }
  }

  unplug(name: string): void {
    this.#remove(name)
  }

  reroute(
    netns: string,
    from: { interface: string; gateways: Address[] } | undefined,
    to: { interface: string; gateways: Address[] } | undefined,
  ): void {
    using inside = new NetlinkSocket('route', netns)
    for (const gateway of from?.gateways ?? []) {
      try {
        inside.request(deleteDefaultRoute(indexOf(inside, from?.interface ?? ''), addressBytes(gateway)))
      } catch (error) {
        // Gone with its interface, or taken away by the container itself.
        if (!['ESRCH', 'ENODEV'].includes(errnoOf(error) ?? '')) throw error
      }
    }
    if (!to || to.gateways.length === 0) return
    const index = indexOf(inside, to.interface)
    inside.request(...to.gateways.map((gateway) => addDefaultRoute(index, addressBytes(gateway))))
  }

  route(name: string, six: { address: Address; bits: number; gateway: Address }): void {
    setSysctl('net/ipv4/ip_forward', '1')
    setSysctl('net/ipv6/conf/all/forwarding', '1')
    setSysctl(`net/ipv4/conf/${name}/proxy_arp`, '1')
    setSysctl(`net/ipv4/neigh/${name}/proxy_delay`, '0')
    const index = optionalIndex(this.#socket, name)
    if (index === undefined) return
    try {
      this.#socket.request(
        addAddress(index, addressBytes(six.address), six.bits),
        addDefaultRoute(index, addressBytes(six.gateway)),
      )
    } catch (error) {
      // Switched off in the VM: the containers' IPv6 networks then end at it.
      if (errnoOf(error) === undefined) throw error
    }
  }

  routes(except: ReadonlySet<string>): Prefix[] {
    const skipped = new Set([...except].flatMap((name) => optionalIndex(this.#socket, name) ?? []))
    return this.#socket.request(getRoutes()).flatMap(({ payload }) => {
      const attributes = decodeAttributes(payload, 12)
      const destination = attributes.get(1)
      const index = attributes.get(4)?.readUInt32LE()
      const local = payload.readUInt8(4) === 255
      if (!destination || local || (index !== undefined && skipped.has(index))) return []
      const base = BigInt(destination.readUInt32BE())
      return [{ family: 4 as const, base, bits: payload.readUInt8(1) }]
    })
  }

  #remove(name: string): void {
    try {
      this.#socket.request(deleteLink(name))
    } catch (error) {
      if (errnoOf(error) !== 'ENODEV') throw error
    }
  }
}

function indexOf(socket: NetlinkSocket, name: string): number {
  const [reply] = socket.request(getLink(name))
  if (!reply) throw new Error(`link ${name}: no answer`)
  return linkIndex(reply.payload)
}

function optionalIndex(socket: NetlinkSocket, name: string): number | undefined {
  try {
    return indexOf(socket, name)
  } catch (error) {
    if (errnoOf(error) === 'ENODEV') return undefined
    throw error
  }
}

function macBytes(mac: string): Buffer {
  return Buffer.from(mac.replaceAll(':', ''), 'hex')
}

/** Synchronous on purpose: inside another namespace /proc/sys/net shows that namespace. A kernel without IPv6, or a missing link, has none. */
function setSysctl(name: string, value: string): void {
  try {
    writeFileSync(`/proc/sys/${name}`, value)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

/** Messages of rtnetlink(7): links, addresses, routes. Pure; sent by NetlinkSocket. */
import {
  attribute,
  type Message,
  NlmFlag,
  nested,
  stringAttribute,
  u8Attribute,
  u32Attribute,
} from './netlink-message.ts'

const RTM_NEWLINK = 16
const RTM_DELLINK = 17
const RTM_GETLINK = 18
const RTM_SETLINK = 19
const RTM_NEWADDR = 20
const RTM_NEWROUTE = 24
const RTM_GETROUTE = 26
const RTM_DELROUTE = 25

const IFLA = {
  ADDRESS: 1,
  IFNAME: 3,
  MTU: 4,
  MASTER: 10,
  PROTINFO: 12,
  LINKINFO: 18,
  NET_NS_FD: 28,
} as const
const INFO_KIND = 1
const INFO_DATA = 2
const VETH_INFO_PEER = 1
const BRPORT_ISOLATED = 33
const IFF_UP = 1
const AF_BRIDGE = 7
const AF_INET = 2
const AF_INET6 = 10
const CREATE = NlmFlag.REQUEST | NlmFlag.ACK | NlmFlag.CREATE | NlmFlag.EXCL

/** A bridge, up. EEXIST when a link of that name is there. */
export function addBridge(link: { name: string; mtu: number; mac: Uint8Array }): Message {
  return {
    type: RTM_NEWLINK,
    flags: CREATE,
    subject: `add bridge ${link.name}`,
    payload: Buffer.concat([
      linkHeader({ up: true }),
      stringAttribute(IFLA.IFNAME, link.name),
      u32Attribute(IFLA.MTU, link.mtu),
      attribute(IFLA.ADDRESS, link.mac),
      nested(IFLA.LINKINFO, stringAttribute(INFO_KIND, 'bridge')),
    ]),
  }
}

/**
 * A veth pair: `name` here, up, as a port of bridge `master`, `peer.name` inside the network namespace that
 * `peer.netns` (an open file descriptor) refers to, down (the kernel refuses to open an end that has no other end yet).
 * One message, so nothing half-made can stay.
 */
export function addVeth(link: {
  name: string
  mtu: number
  master: number
  peer: { name: string; netns: number; mac: Uint8Array }
}): Message {
  const peer = Buffer.concat([
    linkHeader({}),
    stringAttribute(IFLA.IFNAME, link.peer.name),
    u32Attribute(IFLA.MTU, link.mtu),
    attribute(IFLA.ADDRESS, link.peer.mac),
    u32Attribute(IFLA.NET_NS_FD, link.peer.netns),
  ])
  return {
    type: RTM_NEWLINK,
    flags: CREATE,
    subject: `add veth ${link.name}`,
    payload: Buffer.concat([
      linkHeader({ up: true }),
      stringAttribute(IFLA.IFNAME, link.name),
      u32Attribute(IFLA.MTU, link.mtu),
      u32Attribute(IFLA.MASTER, link.master),
      nested(
        IFLA.LINKINFO,
        stringAttribute(INFO_KIND, 'veth'),
        nested(INFO_DATA, nested(VETH_INFO_PEER, peer)),
      ),
    ]),
  }
}

/** Forbids a bridge port to talk to other isolated ports of its bridge (`icc=false`). */
export function isolatePort(index: number): Message {
  return {
    type: RTM_SETLINK,
    flags: NlmFlag.REQUEST | NlmFlag.ACK,
    subject: `isolate link ${index}`,
    payload: Buffer.concat([
      linkHeader({ family: AF_BRIDGE, index }),
      nested(IFLA.PROTINFO, u8Attribute(BRPORT_ISOLATED, 1)),
    ]),
  }
}

/** Sets a link up. */
export function setUp(index: number): Message {
  return {
    type: RTM_NEWLINK,
    flags: NlmFlag.REQUEST | NlmFlag.ACK,
    subject: `set link ${index} up`,
    payload: linkHeader({ index, up: true }),
  }
}

export function deleteLink(name: string): Message {
  return {
    type: RTM_DELLINK,
    flags: NlmFlag.REQUEST | NlmFlag.ACK,
    subject: `delete link ${name}`,
    payload: Buffer.concat([linkHeader({}), stringAttribute(IFLA.IFNAME, name)]),
  }
}

/** Answers one RTM_NEWLINK; its index is the i32 at offset 4. ENODEV when there is no such link. */
export function getLink(name: string): Message {
  return {
    type: RTM_GETLINK,
    flags: NlmFlag.REQUEST | NlmFlag.ACK,
    subject: `get link ${name}`,
    payload: Buffer.concat([linkHeader({}), stringAttribute(IFLA.IFNAME, name)]),
  }
}

export function linkIndex(payload: Buffer): number {
  return payload.readInt32LE(4)
}

/** An address with its on-link prefix. IPv6 skips duplicate address detection: we hand the addresses out ourselves. */
export function addAddress(index: number, address: Uint8Array, bits: number): Message {
  const header = Buffer.alloc(8)
  const v6 = address.length === 16
  header.writeUInt8(v6 ? AF_INET6 : AF_INET, 0)
  header.writeUInt8(bits, 1)
  header.writeUInt8(v6 ? IFA_F_NODAD : 0, 2)
  header.writeUInt32LE(index, 4)
  const attributes = [attribute(1, address), attribute(2, address)]
  if (!v6) attributes.push(attribute(4, broadcast(address, bits)))
  return {
    type: RTM_NEWADDR,
    flags: NlmFlag.REQUEST | NlmFlag.ACK | NlmFlag.CREATE | NlmFlag.REPLACE,
    subject: `add address ${Buffer.from(address).toString('hex')}/${bits} to link ${index}`,
    payload: Buffer.concat([header, ...attributes]),
  }
}
const IFA_F_NODAD = 2

function broadcast(address: Uint8Array, bits: number): Buffer {
  const value = Buffer.from(address).readUInt32BE(0)
  const hostMask = bits === 0 ? 0xffffffff : 2 ** (32 - bits) - 1
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE((value | hostMask) >>> 0)
  return bytes
}

/** The default route of the main table through `gateway`. */
export function addDefaultRoute(index: number, gateway: Uint8Array): Message {
  return defaultRoute(RTM_NEWROUTE, NlmFlag.CREATE | NlmFlag.REPLACE, index, gateway)
}

export function deleteDefaultRoute(index: number, gateway: Uint8Array): Message {
  return defaultRoute(RTM_DELROUTE, 0, index, gateway)
}

function defaultRoute(type: number, flags: number, index: number, gateway: Uint8Array): Message {
  const header = routeHeader(gateway.length === 16 ? AF_INET6 : AF_INET)
  header.writeUInt8(254, 4) // RT_TABLE_MAIN
  header.writeUInt8(3, 5) // RTPROT_BOOT
  header.writeUInt8(type === RTM_DELROUTE ? 255 : 0, 6) // RT_SCOPE_NOWHERE matches any scope on deletion
  header.writeUInt8(1, 7) // RTN_UNICAST
  return {
    type,
    flags: NlmFlag.REQUEST | NlmFlag.ACK | flags,
    subject: `default route of link ${index}`,
    payload: Buffer.concat([header, attribute(5, gateway), u32Attribute(4, index)]),
  }
}

/** Every IPv4 route of the main table; answered as RTM_NEWROUTE messages. */
export function getRoutes(): Message {
  return {
    type: RTM_GETROUTE,
    flags: NlmFlag.REQUEST | NlmFlag.DUMP,
    subject: 'list routes',
    payload: routeHeader(AF_INET),
  }
}

function routeHeader(family: number): Buffer {
  const header = Buffer.alloc(12)
  header.writeUInt8(family, 0)
  return header
}

function linkHeader(options: { family?: number; index?: number; up?: boolean }): Buffer {
  const header = Buffer.alloc(16)
  header.writeUInt8(options.family ?? 0, 0)
  header.writeInt32LE(options.index ?? 0, 4)
  header.writeUInt32LE(options.up ? IFF_UP : 0, 8)
  header.writeUInt32LE(options.up ? IFF_UP : 0, 12)
  return header
}

/**
 * Messages of nf_tables over nfnetlink: elements of sets and maps, and the two rules that a container's own namespace
 * needs. The ruleset itself is text for `nft -f`; these exist so that no container costs a process spawn. Pure.
 */
import {
  attribute,
  be32,
  be32Attribute,
  decodeAttributes,
  type Message,
  NlmFlag,
  nested,
  stringAttribute,
} from './netlink-message.ts'

const SUBSYSTEM = 10
const BATCH_BEGIN = 16
const BATCH_END = 17
const NEWTABLE = 0
const NEWCHAIN = 3
const NEWRULE = 6
const NEWSETELEM = 12
const DELSETELEM = 14
const GETGEN = 16
const FAMILY_UNSPEC = 0
const FAMILY_INET = 1
const FAMILY_IPV4 = 2

/** A change of one element; `value` only for maps. */
export interface ElementChange {
  action: 'add' | 'delete'
  set: string
  key: Uint8Array
  value?: Uint8Array
}

/** All changes as one transaction on a table of family inet. Deleting what is not there fails the whole. */
export function changeElements(table: string, changes: readonly ElementChange[]): Message[] {
  return batch(
    changes.map((change) => {
      const element = nested(
        1,
        nested(1, attribute(1, change.key)),
        ...(change.value ? [nested(2, attribute(1, change.value))] : []),
      )
      return message(
        change.action === 'add' ? NEWSETELEM : DELSETELEM,
        change.action === 'add' ? NlmFlag.CREATE : 0,
        FAMILY_INET,
        `${change.action} element of ${table} ${change.set}`,
        [stringAttribute(1, table), stringAttribute(2, change.set), nested(3, element)],
      )
    }),
  )
}

/** Asks for the number of changes that were made to all tables of the namespace. */
export function getGeneration(): Message {
  return message(GETGEN, 0, FAMILY_UNSPEC, 'read the generation of nf_tables', [])
}

/** The number in its answer. */
export function generationOf(reply: Buffer): number {
  return decodeAttributes(reply, 4).get(1)?.readUInt32BE() ?? 0
}

/** Key of an `ifname` set: 16 bytes. */
export function interfaceKey(name: string): Buffer {
  const key = Buffer.alloc(16)
  key.write(name, 'latin1')
  return key
}

/** Key of an `inet_proto . inet_service` map: each part padded to 4 bytes. */
export function portKey(protocol: 'tcp' | 'udp', port: number): Buffer {
  const key = Buffer.alloc(8)
  key.writeUInt8(protocol === 'tcp' ? 6 : 17, 0)
  key.writeUInt16BE(port, 4)
  return key
}

/** Value of an `ipv4_addr . inet_service` map. */
export function endpointValue(address: Uint8Array, port: number): Buffer {
  const value = Buffer.alloc(8)
  value.set(address.subarray(0, 4))
  value.writeUInt16BE(port, 4)
  return value
}

/**
 * For a container's own namespace: what it sends to `address`:53 (UDP and TCP) goes to the given ports of the same
 * address, so that the embedded resolver does not take port 53 from the container.
 */
export function redirectDns(
  table: string,
  address: Uint8Array,
  ports: { udp: number; tcp: number },
): Message[] {
  const chain = 'output'
  const rule = (protocol: number, port: number) =>
    message(NEWRULE, NlmFlag.CREATE | NlmFlag.APPEND, FAMILY_IPV4, 'add resolver rule', [
      stringAttribute(1, table),
      stringAttribute(2, chain),
      nested(
        4,
        ...loadAndCompare(payload(1, 16, 4), address),
        ...loadAndCompare(meta(16), Buffer.from([protocol])),
        ...loadAndCompare(payload(2, 2, 2), be16(53)),
        expression('immediate', be32Attribute(1, 1), nested(2, attribute(1, be16(port)))),
        expression('nat', be32Attribute(1, 1), be32Attribute(2, FAMILY_IPV4), be32Attribute(5, 1)),
      ),
    ])
  return batch([
    message(NEWTABLE, NlmFlag.CREATE, FAMILY_IPV4, `add table ${table}`, [
      stringAttribute(1, table),
      be32Attribute(2, 0),
    ]),
    message(NEWCHAIN, NlmFlag.CREATE, FAMILY_IPV4, `add chain ${table} ${chain}`, [
      stringAttribute(1, table),
      stringAttribute(3, chain),
      nested(4, be32Attribute(1, 3), be32Attribute(2, -100)),
      stringAttribute(7, 'nat'),
    ]),
    rule(17, ports.udp),
    rule(6, ports.tcp),
  ])
}

function payload(base: number, offset: number, length: number): Buffer {
  return expression(
    'payload',
    be32Attribute(1, 1),
    be32Attribute(2, base),
    be32Attribute(3, offset),
    be32Attribute(4, length),
  )
}

function meta(key: number): Buffer {
  return expression('meta', be32Attribute(2, key), be32Attribute(1, 1))
}

function loadAndCompare(load: Buffer, value: Uint8Array): Buffer[] {
  return [load, expression('cmp', be32Attribute(1, 1), be32Attribute(2, 0), nested(3, attribute(1, value)))]
}

function expression(name: string, ...attributes: Buffer[]): Buffer {
  return nested(1, stringAttribute(1, name), nested(2, ...attributes))
}

function be16(value: number): Buffer {
  return be32(value).subarray(2)
}

function message(
  type: number,
  flags: number,
  family: number,
  subject: string,
  attributes: Buffer[],
): Message {
  return {
    type: (SUBSYSTEM << 8) | type,
    flags: NlmFlag.REQUEST | NlmFlag.ACK | flags,
    subject,
    payload: Buffer.concat([Buffer.from([family, 0, 0, 0]), ...attributes]),
  }
}

function batch(messages: Message[]): Message[] {
  const mark = (type: number): Message => ({
    type,
    flags: NlmFlag.REQUEST,
    subject: 'nf_tables batch',
    payload: Buffer.from([0, 0, 0, SUBSYSTEM]),
  })
  return [mark(BATCH_BEGIN), ...messages, mark(BATCH_END)]
}

/** The VM's nftables table: loaded once by `nft`, changed by netlink from then on. */
import { text } from 'node:stream/consumers'
import { EngineError } from '../../api/errors.ts'
import type { Protocol } from '../../api/slipway.ts'
import type { Kernel } from '../linux/kernel.ts'
import { errnoOf, NetlinkSocket } from '../linux/netlink.ts'
import {
  changeElements,
  type ElementChange,
  endpointValue,
  generationOf,
  getGeneration,
  interfaceKey,
  portKey,
} from '../linux/nfnetlink.ts'
import { spawnPiped } from '../linux/pipe-stream.ts'
import { addressBytes, parseAddress } from './address.ts'
import { RULESET, Sets, TABLE } from './ruleset.ts'

const NFT = '/usr/sbin/nft'

export interface BridgeRules {
  name: string
  internal: boolean
  masquerade: boolean
}

/** One port of the VM and the container behind it. */
export interface Publication {
  protocol: Protocol
  port: number
  containerIp: string
  containerPort: number
}

export interface Firewall {
  /** Replaces everything: what an earlier agent left is gone. The one process spawn. */
  load(bridges: readonly BridgeRules[], publications: readonly Publication[]): Promise<void>
  addBridge(bridge: BridgeRules): void
  removeBridge(bridge: BridgeRules): void
  /** Whether nobody else changed a rule since; rules of others count, as they may stand before ours. */
  isIntact(): boolean
  /** One transaction: all of `remove` goes and all of `add` comes, or nothing changes. */
  publish(add: readonly Publication[], remove: readonly Publication[]): void
}

export class NftFirewall implements Firewall {
  readonly #kernel: Kernel
  #socket: NetlinkSocket | undefined
  #generation = 0

  constructor(kernel: Kernel) {
    this.#kernel = kernel
  }

  async load(bridges: readonly BridgeRules[], publications: readonly Publication[]): Promise<void> {
    await runNft(this.#kernel, rulesetText(bridges, publications))
    this.#generation = this.#readGeneration()
  }

  isIntact(): boolean {
    return this.#readGeneration() === this.#generation
  }

  addBridge(bridge: BridgeRules): void {
    this.#change(bridgeElements(bridge).map((element) => ({ action: 'add', ...element })))
  }

  removeBridge(bridge: BridgeRules): void {
    this.#change(bridgeElements(bridge).map((element) => ({ action: 'delete', ...element })))
  }

  publish(add: readonly Publication[], remove: readonly Publication[]): void {
    if (add.length + remove.length === 0) return
    this.#change([
      ...remove.map((publication) => element('delete', publication)),
      ...add.map((publication) => element('add', publication)),
    ])
  }

  #change(changes: ElementChange[]): void {
    try {
      this.#commit(changes)
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error
      // Something else emptied a set: what has to go is gone already.
      for (const change of changes) if (change.action === 'delete') this.#commitDeletion(change)
      const additions = changes.filter(({ action }) => action === 'add')
      if (additions.length > 0) this.#commit(additions)
    }
  }

  #commitDeletion(change: ElementChange): void {
    try {
      this.#commit([change])
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error
    }
  }

  #commit(changes: ElementChange[]): void {
    this.#socket ??= new NetlinkSocket('netfilter')
    this.#socket.request(...changeElements(TABLE, changes))
    // Counted, not read: a change of somebody else's in between must not pass for ours.
    this.#generation++
  }

  #readGeneration(): number {
    this.#socket ??= new NetlinkSocket('netfilter')
    const [reply] = this.#socket.request(getGeneration())
    return reply ? generationOf(reply.payload) : 0
  }
}

/** The ruleset with its elements, one transaction. */
export function rulesetText(bridges: readonly BridgeRules[], publications: readonly Publication[]): string {
  const sets = Object.values(Sets)
  const flush = sets.map((name) => `flush ${name === Sets.publish ? 'map' : 'set'} inet ${TABLE} ${name}`)
  const bridgeLines = bridges.flatMap((bridge) => {
    const name = `"${bridge.name}"`
    return setsOf(bridge).map(
      (set) => `add element inet ${TABLE} ${set} { ${set === Sets.same ? `${name} . ${name}` : name} }`,
    )
  })
  const publishLines = publications.map(
    (p) =>
      `add element inet ${TABLE} ${Sets.publish} { ${p.protocol} . ${p.port} : ${p.containerIp} . ${p.containerPort} }`,
  )
  return [RULESET, ...flush, ...bridgeLines, ...publishLines, ''].join('\n')
}

function setsOf(bridge: BridgeRules): string[] {
  return [
    Sets.bridges,
    Sets.same,
    ...(bridge.masquerade && !bridge.internal ? [Sets.masquerade] : []),
    ...(bridge.internal ? [Sets.internal] : []),
  ]
}

function bridgeElements(bridge: BridgeRules): { set: string; key: Buffer }[] {
  const key = interfaceKey(bridge.name)
  return setsOf(bridge).map((set) => ({ set, key: set === Sets.same ? Buffer.concat([key, key]) : key }))
}

function element(action: 'add' | 'delete', publication: Publication): ElementChange {
  const address = parseAddress(publication.containerIp)
  if (!address) throw new EngineError('internal', `${publication.containerIp}: not an address`)
  return {
    action,
    set: Sets.publish,
    key: portKey(publication.protocol, publication.port),
    value: endpointValue(addressBytes(address), publication.containerPort),
  }
}

async function runNft(kernel: Kernel, ruleset: string): Promise<void> {
  const { child, ends } = spawnPiped(kernel, {
    program: NFT,
    args: ['-f', '-'],
    env: {},
    stdio: ['reads', 'null', 'writes'],
  })
  const [stdin, , stderr] = ends
  stdin?.end(ruleset)
  const [complaints, { code }] = await Promise.all([stderr ? text(stderr) : '', child.exit])
  stdin?.destroy()
  if (code === 0) return
  const why = complaints.trim() || `exit code ${code}`
  throw new EngineError('internal', `the firewall cannot be set up: nft: ${why}`)
}

/** The VM's nftables table: loaded once by `nft`, changed by netlink from then on. */
import { spawn } from 'node:child_process'
import { EngineError } from '../../api/errors.ts'
import type { Protocol } from '../../api/slipway.ts'
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
import { addressBytes, parseAddress } from './address.ts'
import { RULESET, Sets, TABLE } from './ruleset.ts'

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
  #socket: NetlinkSocket | undefined
  #generation = 0

  async load(bridges: readonly BridgeRules[], publications: readonly Publication[]): Promise<void> {
    await run(rulesetText(bridges, publications))
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

function run(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('nft', ['-f', '-'], { stdio: ['pipe', 'ignore', 'pipe'] })
    const errors: Buffer[] = []
    child.stderr.on('data', (chunk: Buffer) => errors.push(chunk))
    child.once('error', reject)
    child.stdin.on('error', reject)
    child.once('close', (code) => {
      if (code === 0) resolve()
      else {
        const text = Buffer.concat(errors).toString('utf8').trim()
        reject(
          new EngineError('internal', `the firewall cannot be set up: nft: ${text || `exit code ${code}`}`),
        )
      }
    })
    child.stdin.end(text)
  })
}

/**
 * Published ports of running containers. The host listens, the guest's half (double model only) is an element of the
 * firewall's map. One record per container; a change is all or nothing.
 */
import { EngineError, messageOf } from '../../api/errors.ts'
import type { Forward, PortModel, PublishedPort } from '../../api/slipway.ts'
import type { Firewall, Publication } from './firewall.ts'
import {
  listenerKey,
  listeners,
  normalizePorts,
  publishedPorts,
  refuseTwice,
  satisfies,
  toForward,
  VmPorts,
  withModel,
} from './forwards.ts'
import type { HostLink } from './host-link.ts'
import type { PublicationRecord, RecordFolder } from './record.ts'

/** How long a start waits for the app's link, which comes moments after the engine is up. */
const LINK_WAIT_MS = 20_000

export interface PublishRequest {
  containerId: string
  containerName: string
  containerIp: string
  ports: PublishedPort[]
}

export class Publisher {
  readonly #link: HostLink
  readonly #firewall: Firewall
  readonly #folder: RecordFolder<PublicationRecord>
  readonly #records = new Map<string, PublicationRecord>()
  readonly #turns = new Map<string, Promise<unknown>>()
  /** What concerns all containers at once; nothing else happens meanwhile. */
  #exclusive: Promise<unknown> = Promise.resolve()
  readonly #log: (message: string) => void
  #model: PortModel

  constructor(options: {
    link: HostLink
    firewall: Firewall
    folder: RecordFolder<PublicationRecord>
    model: PortModel
    log: (message: string) => void
  }) {
    this.#link = options.link
    this.#firewall = options.firewall
    this.#folder = options.folder
    this.#model = options.model
    this.#log = options.log
  }

  /** Finds what an earlier agent published. */
  async load(): Promise<void> {
    const records = await this.#folder.load((name, error) =>
      this.#log(`published ports ${name}: ${messageOf(error)}`),
    )
    for (const record of records) this.#records.set(record.containerId, record)
  }

  /** Forgets containers that are not in `running`, before firewall and host are told of anything. */
  async keepOnly(running: ReadonlySet<string>): Promise<void> {
    for (const containerId of [...this.#records.keys()].filter((id) => !running.has(id))) {
      this.#records.delete(containerId)
      await this.#folder.remove(containerId)
    }
  }

  /** What the firewall must hold now. */
  publications(): Publication[] {
    return this.#publications(this.#allForwards())
  }

  published(containerId: string): PublishedPort[] {
    return (this.#records.get(containerId)?.forwards ?? []).flatMap(publishedPorts)
  }

  /** Makes `request.ports` the container's ports; see NetworkService.publish. */
  publish(
    request: PublishRequest,
    options: { deferred?: boolean; signal?: AbortSignal } = {},
  ): Promise<PublishedPort[]> {
    return this.#inTurn(request.containerId, async () => {
      await this.#replace(request, options)
      return this.published(request.containerId)
    })
  }

  unpublish(containerId: string): Promise<void> {
    return this.#inTurn(containerId, async () => {
      const record = this.#records.get(containerId)
      if (!record) return
      this.#records.delete(containerId)
      await this.#folder.remove(containerId)
      await this.#close(containerId, record.forwards)
    })
  }

  /** A new name of its container, which messages about its ports show. */
  rename(containerId: string, name: string): Promise<void> {
    return this.#inTurn(containerId, async () => {
      const record = this.#records.get(containerId)
      if (!record) return
      record.containerName = name
      await this.#folder.save(containerId, record)
      // The host keeps listeners of the same container; it only learns the name.
      if (!this.#link.connected || record.forwards.length === 0) return
      await this.#link.request({
        type: 'expose',
        containerId,
        containerName: name,
        forwards: record.forwards,
      })
    })
  }

  /** Switches the model of all published ports; connections that exist go on. */
  setModel(model: PortModel): Promise<void> {
    return this.#alone(() => this.#setModel(model))
  }

  async #setModel(model: PortModel): Promise<void> {
    if (model === this.#model) return
    this.#model = model
    const before = this.publications()
    const vmPorts = new VmPorts([])
    for (const record of this.#records.values()) {
      record.forwards = record.forwards.map((forward) => withModel(forward, model, vmPorts))
      await this.#folder.save(record.containerId, record)
    }
    const after = this.publications()
    this.#firewall.publish(after, [])
    if (this.#link.connected) await this.#syncNow()
    this.#firewall.publish([], before)
  }

  async #replace(
    request: PublishRequest,
    options: { deferred?: boolean; signal?: AbortSignal },
  ): Promise<void> {
    const { containerId, containerName, containerIp } = request
    refuseTwice(request.ports)
    const requested = normalizePorts(request.ports)
    const current = this.#records.get(containerId)
    const old = (current?.requested ?? []).flatMap((port, i) => {
      const forward = current?.forwards[i]
      return forward ? [{ port, forward }] : []
    })
    const plan = requested.map((port) => ({
      port,
      kept: old.find((made) => made.forward.containerIp === containerIp && satisfies(made, port))?.forward,
    }))
    const kept = new Set(plan.flatMap(({ kept: forward }) => forward ?? []))
    const removed = old.flatMap(({ forward }) => (kept.has(forward) ? [] : [forward]))
    const added = plan.flatMap(({ port, kept: forward }) => (forward ? [] : [port]))
    const record: PublicationRecord = {
      version: 1,
      containerId,
      containerName,
      containerIp,
      requested,
      forwards: [],
    }
    const linked = added.length === 0 || (await this.#linked(options))
    if (linked) {
      const opened = await this.#open(containerId, containerName, containerIp, added, removed)
      record.forwards = plan.flatMap(({ kept: forward }) => forward ?? opened.shift() ?? [])
    }
    this.#records.set(containerId, record)
    await this.#folder.save(containerId, record)
    const reused = new Set(record.forwards.flatMap(listeners).map(listenerKey))
    const closing = removed.flatMap(listeners).filter((forward) => !reused.has(listenerKey(forward)))
    if (this.#link.connected && closing.length > 0) {
      await this.#link.request({ type: 'unexpose', containerId, forwards: closing })
    }
  }

  /** Whether the host can be asked now. Not so and not deferrable is 'unavailable'. */
  async #linked(options: { deferred?: boolean; signal?: AbortSignal }): Promise<boolean> {
    if (options.deferred) return this.#link.connected
    if (await this.#link.wait(LINK_WAIT_MS, options.signal)) return true
    // Clients come through the app, so before its first visit only restart policies start containers: those wait for it.
    if (!this.#link.seen && !options.signal?.aborted) return false
    throw new EngineError(
      'unavailable',
      'the Slipway app is not connected, so no port of the host can be opened',
      {
        hint: 'Open the Slipway app, or run `slipway start`.',
      },
    )
  }

  /** Opens host first, then guest; what was opened is closed again when a later step fails. */
  async #open(
    containerId: string,
    containerName: string,
    containerIp: string,
    ports: PublishedPort[],
    replaced: Forward[],
  ): Promise<Forward[]> {
    const vmPorts = new VmPorts(this.#allForwards().filter((forward) => !replaced.includes(forward)))
    const forwards = ports.map((port) => withModel(toForward(port, containerIp), this.#model, vmPorts))
    const opened =
      forwards.length === 0
        ? []
        : await this.#link.request({ type: 'expose', containerId, containerName, forwards })
    try {
      this.#firewall.publish(this.#publications(opened), this.#publications(replaced))
    } catch (error) {
      await this.#link.request({ type: 'unexpose', containerId, forwards: opened })
      throw error
    }
    return opened
  }

  async #close(containerId: string, forwards: Forward[]): Promise<void> {
    this.#firewall.publish([], this.#publications(forwards))
    if (forwards.length === 0 || !this.#link.connected) return
    try {
      await this.#link.request({ type: 'unexpose', containerId, forwards })
    } catch (error) {
      // Without a link nothing is forwarded any more, and the next one starts with a sync.
      this.#log(`closing ports of ${containerId.slice(0, 12)}: ${messageOf(error)}`)
    }
  }

  /** Tells a newly connected host everything that should exist; ports that waited for it get their numbers. After `load`. */
  sync(): Promise<void> {
    return this.#alone(() => this.#syncNow())
  }

  async #syncNow(): Promise<void> {
    try {
      const records = [...this.#records.values()]
      const entries = records.flatMap((record) => this.#entriesOf(record))
      const answers = await this.#link.request({
        type: 'sync',
        forwards: entries.map(({ forward, record }) => ({
          ...forward,
          containerId: record.containerId,
          containerName: record.containerName,
        })),
      })
      await this.#adopt(entries, answers)
    } catch (error) {
      this.#log(`host link: ${messageOf(error)}`)
    }
  }

  #entriesOf(record: PublicationRecord): { record: PublicationRecord; forward: Forward; fresh: boolean }[] {
    if (record.forwards.length > 0) {
      return record.forwards.map((forward) => ({ record, forward, fresh: false }))
    }
    const vmPorts = new VmPorts(this.#allForwards())
    return record.requested.map((port) => ({
      record,
      forward: withModel(toForward(port, record.containerIp), this.#model, vmPorts),
      fresh: true,
    }))
  }

  async #adopt(
    entries: { record: PublicationRecord; forward: Forward; fresh: boolean }[],
    answers: Forward[],
  ): Promise<void> {
    const fresh = entries.flatMap((entry, i) => (entry.fresh && answers[i] ? [answers[i]] : []))
    this.#firewall.publish(this.#publications(fresh), [])
    for (const record of new Set(entries.map((entry) => entry.record))) {
      if (this.#records.get(record.containerId) !== record) continue
      record.forwards = entries.flatMap((entry, i) => (entry.record === record ? (answers[i] ?? []) : []))
      await this.#folder.save(record.containerId, record)
    }
  }

  #allForwards(): Forward[] {
    return [...this.#records.values()].flatMap((record) => record.forwards)
  }

  #publications(forwards: readonly Forward[]): Publication[] {
    return forwards.flatMap(({ via, protocol, hostPort, containerIp, containerPort }) =>
      via && !containerIp.includes(':')
        ? [{ protocol, port: via.port || hostPort, containerIp, containerPort }]
        : [],
    )
  }

  /** Changes of one container's ports follow each other. */
  #inTurn<T>(containerId: string, action: () => Promise<T>): Promise<T> {
    const before = Promise.allSettled([this.#turns.get(containerId), this.#exclusive])
    const turn = before.then(action)
    this.#turns.set(containerId, turn)
    const forget = () => {
      if (this.#turns.get(containerId) === turn) this.#turns.delete(containerId)
    }
    turn.then(forget, forget)
    return turn
  }

  /** After every change that is under way and before every later one: a list of all ports must not miss one. */
  #alone<T>(action: () => Promise<T>): Promise<T> {
    const turn = Promise.allSettled([...this.#turns.values(), this.#exclusive]).then(action)
    this.#exclusive = turn.catch(() => undefined)
    return turn
  }
}

/**
 * Keeps container networks clear of what the user's computer reaches by itself: its own networks, and VPNs, which come
 * and go. A network laid over such a route hides it from every container.
 */
import { messageOf } from '../../api/errors.ts'
import { formatPrefix, overlaps, type Prefix, parsePrefix } from './address.ts'
import type { Catalog } from './catalog.ts'
import { overlapWarning } from './create.ts'
import type { HostLink } from './host-link.ts'
import { choosePrefix, DEFAULT_POOLS, ipamConfigOf, subnetOf } from './ipam.ts'
import type { NetworkRecord } from './record.ts'

/** A VPN that came is noticed after this time at the latest. */
const WATCH_MS = 60_000

export interface ClearanceOptions {
  catalog: Catalog
  hostLink: Pick<HostLink, 'connected' | 'routes'>
  /** Prefixes that the VM itself has routes to, those of networks left out. */
  ownRoutes(): readonly Prefix[]
  /** Whether containers are on a network now. */
  inUse(network: NetworkRecord): boolean
  /** Makes a network's bridge anew after its subnet changed. */
  rebuild(network: NetworkRecord): void
  log(message: string): void
}

export class Clearance implements Disposable {
  readonly #options: ClearanceOptions
  #hostRoutes: readonly Prefix[] = []
  #warned = ''
  #timer: NodeJS.Timeout | undefined

  constructor(options: ClearanceOptions) {
    this.#options = options
  }

  /** What the user's computer reaches, as far as it is known. */
  get hostRoutes(): readonly Prefix[] {
    return this.#hostRoutes
  }

  /** What the VM itself is on. */
  get ownRoutes(): readonly Prefix[] {
    return this.#options.ownRoutes()
  }

  /** Which networks hide something that the user's computer reaches, for `docker info`. */
  warnings(): string[] {
    return this.#options.catalog.all().flatMap((network) => this.warningOf(network) || [])
  }

  /** Empty when the network hides nothing. */
  warningOf(network: NetworkRecord): string {
    return overlapWarning(network, this.#hostRoutes)
  }

  /** From now on the host's routes are looked at from time to time, beginning now. */
  watch(): void {
    this.#timer ??= setInterval(() => void this.follow(), WATCH_MS).unref()
    void this.follow()
  }

  /** Asks the host anew (without an app the last answer holds) and moves the default bridge out of the way. */
  async follow(): Promise<void> {
    const { hostLink, log } = this.#options
    try {
      if (!hostLink.connected) return
      const routes = await hostLink.routes()
      this.#hostRoutes = routes.flatMap((text) => parsePrefix(text)?.prefix ?? [])
      await this.#moveDefault()
    } catch (error) {
      log(`routes of the host: ${messageOf(error)}`)
    }
    const warned = this.warnings().join('\n')
    if (warned !== '' && warned !== this.#warned) log(warned)
    this.#warned = warned
  }

  /** Nobody chose the default bridge's subnet, so it may change; under a container's feet it stays. */
  async #moveDefault(): Promise<void> {
    const { catalog, inUse, rebuild, log } = this.#options
    const network = catalog.find('bridge')
    const [config] = network.ipam
    if (!config || inUse(network)) return
    const current = subnetOf(config).prefix
    const others = catalog.all().filter((other) => other !== network)
    const used = others.flatMap(({ ipam }) => ipam.map((other) => subnetOf(other).prefix))
    const next = defaultPrefix(current, [...used, ...this.ownRoutes, ...this.#hostRoutes])
    if (next.base === current.base) return
    // One step, so that no container is plugged in between.
    network.ipam = [ipamConfigOf(subnetOf({ Subnet: formatPrefix(next) }))]
    rebuild(network)
    log(
      `the default bridge moved from ${formatPrefix(current)} to ${formatPrefix(next)}: ${this.#reason(current)}`,
    )
    await catalog.save(network)
  }

  #reason(left: Prefix): string {
    const route = this.#hostRoutes.find((other) => overlaps(other, left))
    return route ? `this computer has a route to ${formatPrefix(route)}` : 'its usual place is clear again'
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }
}

/** Docker's own subnet where that is clear of `taken`, else the current one, else the next of the pools. Pure. */
export function defaultPrefix(current: Prefix, taken: readonly Prefix[]): Prefix {
  const isClear = (prefix: Prefix) => !taken.some((other) => overlaps(other, prefix))
  const usual = choosePrefix([], DEFAULT_POOLS) ?? current
  return [usual, current].find(isClear) ?? choosePrefix(taken) ?? current
}

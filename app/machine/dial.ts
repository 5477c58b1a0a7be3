import type { Duplex } from 'node:stream'

/** A unix socket inside the VM, or a TCP address as seen from the VM. */
export type DialTarget = { path: string } | { host: string; port: number }

export interface DialOptions {
  readonly signal?: AbortSignal
  /**
   * `control` (the default): small and latency-bound: API calls, terminals, events. `bulk`: may move gigabytes (image
   * push and load, files, the traffic of published ports); it has connections of its own, so that it never delays a
   * keystroke.
   */
  readonly class?: 'control' | 'bulk'
}

/**
 * Opens one byte stream into the VM over SSH. Half-close works both ways (`end()` on one side is EOF on the other).
 * Reconnecting lives behind it and nowhere else: a call made while the connection is being rebuilt waits for it.
 * Fails with EngineError 'unavailable' when the machine is not running or the target refuses, 'cancelled' on abort.
 */
export type Dial = (target: DialTarget, options?: DialOptions) => Promise<Duplex>

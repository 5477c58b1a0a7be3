/** Carries the datagrams of one published UDP port into the VM and back. */
export interface Relay {
  /** Never waits: what cannot go now is dropped, as networks do. */
  send(flow: number, data: Uint8Array): void
  destroy(): void
}

export interface RelayOptions {
  signal: AbortSignal
  /** A reply; `flow` is the client's number. */
  deliver(flow: number, data: Uint8Array): void
  /** It carries nothing any more; with the error when that was not `destroy`. */
  onEnd(error?: unknown): void
}

export type OpenRelay = (options: RelayOptions) => Promise<Relay>

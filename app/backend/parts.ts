import type { AppInfo, PortRoute } from '../contract.ts'
import type { MethodHandlers, StreamHandlers } from '../dispatch.ts'
import type { EngineClient } from '../engine/client.ts'
import type { Home } from '../home.ts'
import type { Machine } from '../machine/machine.ts'
import type { RegistryAccounts, Vault } from '../registry-accounts.ts'
import type { SettingsStore } from '../settings.ts'
import type { Log } from '../shell/log.ts'

/** What the entry (Electron or browser) does for the backend. */
export interface Shell {
  readonly kind: AppInfo['shell']
  /** Runs for the command line only and ends with the machine. */
  readonly headless: boolean
  readonly locale: () => string
  /** The operating system's safe for secrets, where the entry can reach one. */
  readonly vault?: Vault | undefined
  /** The system's dialog for choosing a folder, where there is one; undefined when it was given up. */
  chooseFolder?(): Promise<string | undefined>
  /** Opens an address that passed the allow-list. */
  openExternal(url: string): Promise<void>
  /** Shows the window, or answers an address that opens it in a browser once. */
  open(): Promise<{ url?: string }>
  /** Ends the process after the current answer went out, with its machine or leaving that as it is. */
  quit(options: { stopMachine: boolean }): void
}

/** Host ports, as the handlers need them. */
export interface Ports {
  /** Where each listener of a container (full id) leads. */
  routes(id: string): PortRoute[]
  probe(
    hostIp: string,
    port: number,
    protocol: 'tcp' | 'udp',
  ): Promise<{ free: boolean; holder?: string; next: number }>
}

/** Everything the handlers work with, put together by compose.ts. */
export interface Parts {
  readonly version: string
  readonly home: Home
  readonly log: Log
  readonly settings: SettingsStore
  readonly machine: Machine
  readonly engine: EngineClient
  readonly ports: Ports
  readonly accounts: RegistryAccounts
  readonly shell: Shell
}

/** The handlers of one area of the contract. */
export type MethodsOf<Prefix extends string> = {
  readonly [N in keyof MethodHandlers as N extends `${Prefix}.${string}` ? N : never]: MethodHandlers[N]
}
export type StreamsOf<Prefix extends string> = {
  readonly [N in keyof StreamHandlers as N extends `${Prefix}.${string}` ? N : never]: StreamHandlers[N]
}

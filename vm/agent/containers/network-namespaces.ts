/**
 * Network namespaces of containers, made by the engine instead of the runtime: cables are plugged in while the runtime
 * still works on everything else. Each is bound on a file of a folder that dies with the VM.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Kernel } from '../linux/kernel.ts'

export class NetworkNamespaces {
  readonly #folder: string
  readonly #kernel: Pick<Kernel, 'makeNetworkNamespace' | 'unmount'>

  constructor(folder: string, kernel: Pick<Kernel, 'makeNetworkNamespace' | 'unmount'>) {
    this.#folder = folder
    this.#kernel = kernel
    mkdirSync(folder, { recursive: true, mode: 0o711 })
  }

  path(id: string): string {
    return join(this.#folder, id)
  }

  /** A fresh one; answers its path. */
  make(id: string): string {
    this.remove(id)
    writeFileSync(this.path(id), '', { mode: 0o600 })
    this.#kernel.makeNetworkNamespace(this.path(id))
    return this.path(id)
  }

  /** It lives on for as long as processes are in it. Not there is fine. */
  remove(id: string): void {
    this.#kernel.unmount(this.path(id), { lazy: true })
    rmSync(this.path(id), { force: true })
  }

  /** Removes those that are not in `keep`: leftovers of an agent that died. */
  sweep(keep: ReadonlySet<string>): void {
    for (const id of readdirSync(this.#folder)) if (!keep.has(id)) this.remove(id)
  }
}

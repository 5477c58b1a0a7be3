import { type FSWatcher, watch } from 'node:fs'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '../vm/api/errors.ts'
import type { RegistryCertificate } from '../vm/api/slipway.ts'

export interface RegistryCertificatesOptions {
  /** The folder of folders: `<host[:port]>/ca.crt`, `client.cert` with `client.key`, as in Docker's certs.d. */
  readonly path: string
  readonly log: (message: string) => void
  readonly onChange: () => void
}

/** An editor writes a file in several steps. */
const SETTLE_MS = 200

/**
 * The certificates of registries with an authority of their own, as the user lays them down in files. Every `*.crt` of
 * a registry's folder is an authority; `X.cert` with `X.key` is what we show who we are with. A file that cannot be
 * read is said in the log and left out.
 */
export class RegistryCertificates implements AsyncDisposable {
  readonly #options: RegistryCertificatesOptions
  #value: readonly RegistryCertificate[] = []
  #watcher: FSWatcher | undefined
  #settling: NodeJS.Timeout | undefined

  private constructor(options: RegistryCertificatesOptions) {
    this.#options = options
  }

  /** Makes the folder where it is missing, reads it, and goes on watching it. */
  static async open(options: RegistryCertificatesOptions): Promise<RegistryCertificates> {
    await mkdir(options.path, { recursive: true, mode: 0o700 })
    const certificates = new RegistryCertificates(options)
    certificates.#watch()
    certificates.#value = await certificates.#read()
    return certificates
  }

  get value(): readonly RegistryCertificate[] {
    return this.#value
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#settling)
    this.#watcher?.close()
  }

  #watch(): void {
    const { path, log } = this.#options
    try {
      this.#watcher = watch(path, { recursive: true, persistent: false }, () => {
        clearTimeout(this.#settling)
        this.#settling = setTimeout(() => void this.#refresh(), SETTLE_MS)
      })
      this.#watcher.on('error', (error) => log(`${path} is no longer watched: ${messageOf(error)}`))
    } catch (error) {
      log(`${path} cannot be watched, changes count from the next start: ${messageOf(error)}`)
    }
  }

  async #refresh(): Promise<void> {
    try {
      const next = await this.#read()
      if (JSON.stringify(next) === JSON.stringify(this.#value)) return
      this.#value = next
      this.#options.onChange()
    } catch (error) {
      this.#options.log(`${this.#options.path}: ${messageOf(error)}`)
    }
  }

  async #read(): Promise<RegistryCertificate[]> {
    const entries = await readdir(this.#options.path, { withFileTypes: true })
    const folders = entries.filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
    const read = await Promise.all(folders.map(({ name }) => this.#readFolder(name)))
    return read.filter(({ ca, clients }) => ca.length > 0 || clients.length > 0)
  }

  async #readFolder(registry: string): Promise<RegistryCertificate> {
    const text = (name: string) => this.#text(join(this.#options.path, registry, name))
    const names = await readdir(join(this.#options.path, registry)).catch((error: unknown) => {
      this.#options.log(`${registry}: ${messageOf(error)}`)
      return []
    })
    const ca = await Promise.all(names.filter((name) => name.endsWith('.crt')).map(text))
    const pairs = names
      .filter((name) => name.endsWith('.cert'))
      .map(async (name) => ({ certificate: await text(name), key: await text(name.replace(/cert$/, 'key')) }))
    const clients = await Promise.all(pairs)
    return {
      registry,
      ca: ca.filter((pem) => pem !== ''),
      clients: clients.filter(({ certificate, key }) => certificate !== '' && key !== ''),
    }
  }

  async #text(path: string): Promise<string> {
    try {
      return await readFile(path, 'utf8')
    } catch (error) {
      this.#options.log(`${path}: ${messageOf(error)}`)
      return ''
    }
  }
}

import { open, readFile, rename } from 'node:fs/promises'
import * as v from 'valibot'
import type { EngineConfig } from '../../api/slipway.ts'

const list = v.optional(v.array(v.string()), [])
const text = v.optional(v.string(), '')

/** What the host decides; what it leaves out has its default. */
export const configSchema = v.object({
  registryMirrors: list,
  insecureRegistries: list,
  httpProxy: text,
  httpsProxy: text,
  noProxy: text,
  portModel: v.optional(v.picklist(['direct', 'double']), 'direct'),
  registryCertificates: v.optional(
    v.array(
      v.object({
        registry: v.string(),
        ca: list,
        clients: v.optional(v.array(v.object({ certificate: v.string(), key: v.string() })), []),
      }),
    ),
    [],
  ),
  sharedFolders: list,
  hostPlatform: v.optional(v.picklist(['linux', 'darwin', 'win32']), 'linux'),
})

/**
 * The engine's configuration: the seed of this boot, replaced by what the host sets later. The copy in `path` (run
 * state) makes a respawned agent go on with the newer one.
 */
export class ConfigStore {
  readonly #path: string
  #current: EngineConfig

  constructor(path: string, seed: EngineConfig) {
    this.#path = path
    this.#current = seed
  }

  static async open(path: string, seed: EngineConfig): Promise<ConfigStore> {
    const store = new ConfigStore(path, seed)
    try {
      store.#current = v.parse(configSchema, JSON.parse(await readFile(path, 'utf8')))
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
    }
    return store
  }

  get current(): EngineConfig {
    return this.#current
  }

  async set(config: EngineConfig): Promise<void> {
    const file = await open(`${this.#path}.tmp`, 'w', 0o600)
    try {
      await file.writeFile(JSON.stringify(config))
    } finally {
      await file.close()
    }
    await rename(`${this.#path}.tmp`, this.#path)
    this.#current = config
  }
}

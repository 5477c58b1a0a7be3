import { readFile, rename } from 'node:fs/promises'
import { availableParallelism, homedir, totalmem } from 'node:os'
import * as v from 'valibot'
import { messageOf } from '../vm/api/errors.ts'
import type { HostPlatform } from '../vm/api/host-paths.ts'
import type { EngineConfig } from '../vm/api/slipway.ts'
import { writeFileAtomic } from './atomic-file.ts'
import { saidError } from './sayings.ts'
import { type Settings, type SettingsPatch, settingsSchema } from './settings-schema.ts'
import type { Log } from './shell/log.ts'

/** What the defaults depend on. */
export interface HostFacts {
  readonly cores: number
  readonly memoryMiB: number
  readonly platform: HostPlatform
  /** The user's own folder. */
  readonly home: string
}

/** What a host gets that never chose anything. */
export function defaultSettings(host: HostFacts): Settings {
  return {
    cpus: Math.max(1, Math.min(4, host.cores)),
    memoryMiB: Math.max(1024, Math.min(2048, Math.floor(host.memoryMiB / 2))),
    diskGiB: 64,
    portModel: 'direct',
    registryMirrors: [],
    insecureRegistries: [],
    httpProxy: '',
    httpsProxy: '',
    noProxy: '',
    sharedFolders: defaultFolders(host),
    startAtLogin: false,
    startEngineOnOpen: true,
    closeToTray: true,
    notifications: true,
    language: 'system',
    theme: 'system',
    containerColumns: ['state', 'ports', 'cpu', 'memory', 'created'],
    terminalFontSize: 13,
    terminalFontFamily: '',
  }
}

/** As Docker Desktop has them; on Linux and Windows where the user's own files are. */
function defaultFolders({ platform, home }: HostFacts): string[] {
  if (platform === 'darwin') return ['/Users', '/Volumes', '/private', '/tmp', '/var/folders']
  return platform === 'win32' ? [`${home.slice(0, 2)}\\`] : [home]
}

export function thisHost(): HostFacts {
  return {
    cores: availableParallelism(),
    memoryMiB: Math.floor(totalmem() / 2 ** 20),
    platform: hostPlatform(),
    home: homedir(),
  }
}

/** Every other system has paths as Linux has. */
export function hostPlatform(platform: NodeJS.Platform = process.platform): HostPlatform {
  return platform === 'darwin' || platform === 'win32' ? platform : 'linux'
}

/** What the engine obeys: a part of the settings, and the registries' certificates. */
export function engineConfig(
  settings: Settings,
  registryCertificates: EngineConfig['registryCertificates'],
): EngineConfig {
  const { registryMirrors, insecureRegistries, httpProxy, httpsProxy, noProxy, portModel, sharedFolders } =
    settings
  return {
    sharedFolders,
    hostPlatform: hostPlatform(),
    registryMirrors,
    insecureRegistries,
    httpProxy,
    httpsProxy,
    noProxy,
    portModel,
    registryCertificates,
  }
}

/**
 * settings.json: the one writer of it. Absent keys have their defaults, so the file may hold only what was chosen; a
 * key that does not fit falls back alone, and a file that is no JSON is kept aside, both said in the log.
 */
export class SettingsStore {
  readonly #path: string
  readonly #defaults: Settings
  readonly #listeners = new Set<(settings: Settings) => void>()
  #value: Settings
  #writing: Promise<unknown> = Promise.resolve()

  private constructor(path: string, defaults: Settings, value: Settings) {
    this.#path = path
    this.#defaults = defaults
    this.#value = value
  }

  static async open(path: string, defaults: Settings, log: Log): Promise<SettingsStore> {
    return new SettingsStore(path, defaults, await load(path, defaults, log))
  }

  get value(): Settings {
    return this.#value
  }

  /** What `reset` goes back to. */
  get defaults(): Settings {
    return this.#defaults
  }

  /** Called with every change. Answers the unsubscribe. */
  subscribe(listener: (settings: Settings) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Persists first, then announces. The disk only grows: a smaller one is 'invalid_argument'. */
  patch(patch: SettingsPatch): Promise<Settings> {
    return this.#write(() => {
      const given = Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined))
      const next: Settings = { ...this.#value, ...given }
      if (next.diskGiB < this.#value.diskGiB) {
        throw saidError(
          'invalid_argument',
          `diskGiB: the disk has ${this.#value.diskGiB} GiB and cannot shrink to ${next.diskGiB}`,
          { hint: { code: 'disk_reset' } },
        )
      }
      return next
    })
  }

  /** Back to the defaults; the size of the disk stays, because the disk does. */
  reset({ keepDisk }: { keepDisk: boolean }): Promise<Settings> {
    return this.#write(() => ({ ...this.#defaults, ...(keepDisk ? { diskGiB: this.#value.diskGiB } : {}) }))
  }

  #write(change: () => Settings): Promise<Settings> {
    const written = this.#writing.then(async () => {
      const next = change()
      await writeFileAtomic(this.#path, `${JSON.stringify(next, undefined, 2)}\n`)
      this.#value = next
      for (const listener of this.#listeners) listener(next)
      return next
    })
    this.#writing = written.catch(() => undefined)
    return written
  }
}

async function load(path: string, defaults: Settings, log: Log): Promise<Settings> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return defaults
    throw error
  }
  try {
    return merge(JSON.parse(text), defaults, log)
  } catch (error) {
    await rename(path, `${path}.bad`)
    log.warn(`settings.json could not be read and was kept as settings.json.bad: ${messageOf(error)}`)
    return defaults
  }
}

function merge(stored: unknown, defaults: Settings, log: Log): Settings {
  if (typeof stored !== 'object' || stored === null || Array.isArray(stored)) throw new Error('not an object')
  const merged: Record<string, unknown> = { ...defaults }
  for (const [key, value] of Object.entries(stored)) {
    if (!Object.hasOwn(settingsSchema.entries, key)) {
      log.warn(`settings.json: unknown key ${key} ignored`)
      continue
    }
    const parsed = v.safeParse(settingsSchema.entries[key as keyof Settings] as v.GenericSchema, value)
    if (parsed.success) merged[key] = parsed.output
    else log.warn(`settings.json: ${key}: ${parsed.issues[0].message}; the default is used`)
  }
  return merged as Settings
}

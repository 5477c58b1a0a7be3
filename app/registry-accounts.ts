import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import * as v from 'valibot'
import { EngineError, messageOf } from '../vm/api/errors.ts'
import type { RegistryAuth } from '../vm/api/images.ts'
import { writeFileAtomic } from './atomic-file.ts'
import type { RegistryAccount, RegistryAccountList } from './contract.ts'

/** The operating system's own safe for secrets. Both throw when it is locked or another user's. */
export interface Vault {
  /** Text that only this user on this computer can open. */
  seal(secret: string): string
  open(sealed: string): string
}

export interface RegistryAccountsOptions {
  /** Our own file, 0600. */
  readonly path: string
  /** Without one passwords are kept in the file as they are, as `docker login` does. */
  readonly vault?: Vault | undefined
  /** Folder of the docker CLI's config.json. */
  readonly dockerConfig?: string
  readonly log: (message: string) => void
}

const storedSchema = v.object({
  version: v.literal(1),
  accounts: v.array(
    v.object({
      host: v.string(),
      user: v.string(),
      /** Exactly one of the two. */
      sealed: v.optional(v.string()),
      password: v.optional(v.string()),
    }),
  ),
})
type Stored = v.InferOutput<typeof storedSchema>['accounts'][number]

const dockerSchema = v.object({
  auths: v.optional(
    v.record(v.string(), v.object({ auth: v.optional(v.string()), identitytoken: v.optional(v.string()) })),
    {},
  ),
  credHelpers: v.optional(v.record(v.string(), v.string()), {}),
  credsStore: v.optional(v.string()),
})
type DockerConfig = v.InferOutput<typeof dockerSchema>

/** What Docker calls its own registry in its configuration. */
const HUB = 'https://index.docker.io/v1/'
/** A credential helper that asks somebody something must not hold up a pull for ever. */
const HELPER_DEADLINE = 5000

/**
 * Who this user is at which registry: what was signed in to here, and below it, only read and never copied, what
 * `docker login` left in the docker CLI's own configuration, credential helpers included.
 */
export class RegistryAccounts {
  readonly #options: RegistryAccountsOptions
  readonly #dockerConfig: string
  #writing: Promise<unknown> = Promise.resolve()

  constructor(options: RegistryAccountsOptions) {
    this.#options = options
    this.#dockerConfig = options.dockerConfig ?? process.env['DOCKER_CONFIG'] ?? join(homedir(), '.docker')
  }

  /** By host; without secrets. */
  async list(): Promise<RegistryAccountList> {
    const [own, docker] = await Promise.all([this.#stored(), this.#docker()])
    const accounts = new Map<string, RegistryAccount>()
    for (const [address, { auth }] of Object.entries(docker.auths)) {
      const host = registryHost(address)
      const user = auth ? (splitAuth(auth)?.username ?? '') : ''
      accounts.set(host, { host, user, source: 'docker', usable: true })
    }
    for (const one of own) {
      const { host, user } = one
      accounts.set(host, { host, user, source: 'slipway', usable: this.#open(one) !== undefined })
    }
    return {
      accounts: [...accounts.values()].sort((a, b) => a.host.localeCompare(b.host)),
      storage: this.#options.vault ? 'keychain' : 'file',
    }
  }

  /** Credentials for the registry of an image name, if there are any. */
  async forImage(reference: string): Promise<RegistryAuth | undefined> {
    const host = registryOf(reference)
    const own = (await this.#stored()).find((one) => one.host === host)
    const password = own && this.#open(own)
    if (own && password !== undefined)
      return { username: own.user, password, serveraddress: serverAddress(host) }
    return await this.#fromDocker(host)
  }

  /** Credentials for every registry, as a build needs them: by the address that Docker uses. */
  async all(): Promise<Record<string, RegistryAuth>> {
    const { accounts } = await this.list()
    const auths: Record<string, RegistryAuth> = {}
    for (const { host } of accounts) {
      const auth = await this.forImage(`${host}/x`)
      if (auth) auths[serverAddress(host)] = auth
    }
    return auths
  }

  /** Keeps an account, in place of another one at the same registry. */
  put({ host, user, password }: { host: string; user: string; password: string }): Promise<void> {
    const { vault } = this.#options
    const secret = vault ? { sealed: vault.seal(password) } : { password }
    return this.#change((accounts) => [
      ...accounts.filter((one) => one.host !== host),
      { host, user, ...secret },
    ])
  }

  /** Forgets an account of our own. */
  remove(host: string): Promise<void> {
    return this.#change((accounts) => {
      const rest = accounts.filter((one) => one.host !== host)
      if (rest.length === accounts.length) throw new EngineError('not_found', `not signed in to ${host} here`)
      return rest
    })
  }

  #open({ host, sealed, password }: Stored): string | undefined {
    if (sealed === undefined) return password
    try {
      return this.#options.vault?.open(sealed)
    } catch (error) {
      this.#options.log(`the password for ${host} could not be read: ${messageOf(error)}`)
      return undefined
    }
  }

  #change(change: (accounts: Stored[]) => Stored[]): Promise<void> {
    const done = this.#writing.then(async () => {
      const accounts = change(await this.#stored())
      await writeFileAtomic(this.#options.path, `${JSON.stringify({ version: 1, accounts }, undefined, 2)}\n`)
    })
    this.#writing = done.catch(() => undefined)
    return done
  }

  async #stored(): Promise<Stored[]> {
    return (await readJson(this.#options.path, storedSchema, this.#options.log))?.accounts ?? []
  }

  async #docker(): Promise<DockerConfig> {
    const path = join(this.#dockerConfig, 'config.json')
    return (await readJson(path, dockerSchema, this.#options.log)) ?? { auths: {}, credHelpers: {} }
  }

  async #fromDocker(host: string): Promise<RegistryAuth | undefined> {
    const { auths, credHelpers, credsStore } = await this.#docker()
    const address = serverAddress(host)
    const helper = credHelpers[host] ?? credHelpers[address] ?? credsStore
    if (helper) return await this.#ask(helper, address)
    const entry = Object.entries(auths).find(([name]) => registryHost(name) === host)?.[1]
    if (!entry) return undefined
    if (entry.identitytoken) return { identitytoken: entry.identitytoken, serveraddress: address }
    const known = entry.auth ? splitAuth(entry.auth) : undefined
    return known && { ...known, serveraddress: address }
  }

  /** `docker-credential-NAME get`, as the docker CLI asks it. */
  async #ask(helper: string, address: string): Promise<RegistryAuth | undefined> {
    if (!/^[\w.-]+$/.test(helper)) return undefined
    try {
      const text = await new Promise<string>((resolve, reject) => {
        const child = execFile(
          `docker-credential-${helper}`,
          ['get'],
          { timeout: HELPER_DEADLINE },
          (error, out) => (error ? reject(error) : resolve(out)),
        )
        child.stdin?.on('error', () => undefined)
        child.stdin?.end(address)
      })
      const { Username, Secret } = v.parse(
        v.object({ Username: v.string(), Secret: v.string() }),
        JSON.parse(text),
      )
      return Username === '<token>'
        ? { identitytoken: Secret, serveraddress: address }
        : { username: Username, password: Secret, serveraddress: address }
    } catch (error) {
      // The helper says so by failing when it has nothing for this registry.
      this.#options.log(`docker-credential-${helper}: ${messageOf(error).split('\n')[0]}`)
      return undefined
    }
  }
}

/** The registry of an image name, by Docker's rule; `docker.io` when it names none. */
export function registryOf(reference: string): string {
  const [first = '', ...rest] = reference.split('/')
  const named = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost')
  return named ? registryHost(first) : 'docker.io'
}

/** A registry's address as typed or as Docker stores it → `host[:port]`. */
export function registryHost(address: string): string {
  const host = address
    .trim()
    .replace(/^https?:\/\//, '')
    .replace(/\/.*$/, '')
    .toLowerCase()
  return /^(index\.|registry-1\.)?docker\.io$/.test(host) ? 'docker.io' : host
}

function serverAddress(host: string): string {
  return host === 'docker.io' ? HUB : host
}

function splitAuth(auth: string): { username: string; password: string } | undefined {
  const text = Buffer.from(auth, 'base64').toString('utf8').replace(/\0+$/, '')
  const colon = text.indexOf(':')
  return colon < 1 ? undefined : { username: text.slice(0, colon), password: text.slice(colon + 1) }
}

async function readJson<S extends v.GenericSchema>(
  path: string,
  schema: S,
  log: (message: string) => void,
): Promise<v.InferOutput<S> | undefined> {
  try {
    return v.parse(schema, JSON.parse(await readFile(path, 'utf8')))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') log(`${path} is not used: ${messageOf(error)}`)
    return undefined
  }
}

import { randomUUID } from 'node:crypto'
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import * as v from 'valibot'
import { EngineError } from '../../vm/api/errors.ts'
import { isAlive, processIdentity } from './process.ts'

const holderSchema = v.object({
  pid: v.number(),
  /** When the holder was started, where the system tells: a recycled pid is not the holder. */
  identity: v.optional(v.string()),
  token: v.string(),
})
type Holder = v.InferOutput<typeof holderSchema>

/** Attempts at taking over a dead owner's lock while others try the same. */
const ATTEMPTS = 10

/**
 * One owner per machine. The lock is a file that appears whole (hard link) and names its holder; the lock of a process
 * that is gone is taken over. Fails with 'conflict' and the holder's pid in `details` while the holder lives.
 */
export class Lock implements AsyncDisposable {
  readonly #path: string
  readonly #token: string

  private constructor(path: string, token: string) {
    this.#path = path
    this.#token = token
  }

  static async acquire(path: string): Promise<Lock> {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const identity = await processIdentity(process.pid)
    const holder: Holder = { pid: process.pid, token: randomUUID(), ...(identity ? { identity } : {}) }
    const candidate = `${path}.${holder.token}`
    await writeFile(candidate, JSON.stringify(holder), { mode: 0o600 })
    try {
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        if (await linked(candidate, path)) return new Lock(path, holder.token)
        const other = await read(path)
        if (other && (await holds(other))) throw inUse(other)
        await removeStale(path, other, `${candidate}.stale`)
      }
      throw new EngineError('conflict', `${path}: cannot be locked: others keep taking it`)
    } finally {
      await rm(candidate, { force: true })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const holder = await read(this.#path)
    if (holder?.token === this.#token) await rm(this.#path, { force: true })
  }
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

async function read(path: string): Promise<Holder | undefined> {
  try {
    return v.parse(holderSchema, JSON.parse(await readFile(path, 'utf8')))
  } catch {
    // Missing, or not one of ours: nobody can be asked, so nobody holds it.
    return undefined
  }
}

async function holds({ pid, identity }: Holder): Promise<boolean> {
  if (!(await isAlive(pid))) return false
  return identity === undefined || identity === (await processIdentity(pid))
}

/** Moves the lock away, and back when it turns out that a living owner took it since it was read. */
async function removeStale(path: string, stale: Holder | undefined, aside: string): Promise<void> {
  try {
    await rename(path, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  const moved = await read(aside)
  if (moved && moved.token !== stale?.token) await linked(aside, path)
  await rm(aside, { force: true })
}

function inUse({ pid }: Holder): EngineError {
  return new EngineError('conflict', `this machine is in use by another Slipway (process ${pid})`, {
    hint: 'Use the window that is open already, or quit it first.',
    details: { pid },
  })
}

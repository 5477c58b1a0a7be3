import { randomUUID } from 'node:crypto'
import { link, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import * as v from 'valibot'
import { EngineError } from '../../vm/api/errors.ts'
import { saidError } from '../sayings.ts'
import { isAlive, processIdentity } from './process.ts'

const holderSchema = v.object({
  pid: v.number(),
  /** When the holder was started, where the system tells: a recycled pid is not the holder. */
  identity: v.optional(v.string()),
  token: v.string(),
  /** Given back in order. */
  released: v.optional(v.boolean()),
})
type Holder = v.InferOutput<typeof holderSchema>

/** Each failed attempt means that somebody else got further. */
const ATTEMPTS = 10

/**
 * One owner per machine. The lock is a row of files `PATH.1`, `PATH.2`, …, each made whole (hard link) by one process and
 * naming it: who made the highest is the owner, as long as it lives and has not given it back. A lock is taken by making
 * the next one, which only one process can; nothing that others may be looking at is ever moved or replaced, so a dead
 * owner's lock cannot be taken over twice. Fails with 'conflict' and the holder's pid in `details` while one lives.
 */
export class Lock implements AsyncDisposable {
  readonly #file: string
  readonly #holder: Holder

  private constructor(file: string, holder: Holder) {
    this.#file = file
    this.#holder = holder
  }

  static async acquire(path: string): Promise<Lock> {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const identity = await processIdentity(process.pid)
    const holder: Holder = { pid: process.pid, token: randomUUID(), ...(identity ? { identity } : {}) }
    const candidate = `${path}.${holder.token}`
    await writeFile(candidate, JSON.stringify(holder), { mode: 0o600 })
    try {
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const newest = (await numbers(path)).at(-1) ?? 0
        const other = await read(`${path}.${newest}`)
        if (other && (await holds(other))) throw inUse(other)
        const mine = newest + 1
        if ((await linked(candidate, `${path}.${mine}`)) && (await isNewest(path, mine))) {
          return new Lock(`${path}.${mine}`, holder)
        }
      }
      throw new EngineError('conflict', `${path}: cannot be locked: others keep taking it`)
    } finally {
      await rm(candidate, { force: true })
    }
  }

  /** The file stays, marked: removed, its number could be taken twice. */
  async [Symbol.asyncDispose](): Promise<void> {
    const released = `${this.#file}.${this.#holder.token}`
    try {
      await writeFile(released, JSON.stringify({ ...this.#holder, released: true }), { mode: 0o600 })
      await rename(released, this.#file)
    } catch (error) {
      // Somebody removed the folder with the lock in it.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
}

/**
 * Whether the lock just made is the highest; then it is ours and those below are history. If not, we looked before others
 * took, gave back and tidied up: ours never counted.
 */
async function isNewest(path: string, mine: number): Promise<boolean> {
  const all = await numbers(path)
  if (all.at(-1) !== mine) {
    await rm(`${path}.${mine}`, { force: true })
    return false
  }
  for (const old of all.slice(0, -1)) await rm(`${path}.${old}`, { force: true })
  return true
}

/** The numbers that exist, ascending. */
async function numbers(path: string): Promise<number[]> {
  const prefix = `${basename(path)}.`
  const names = await readdir(join(path, '..'))
  return names
    .filter((name) => name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length)))
    .map((name) => Number(name.slice(prefix.length)))
    .sort((a, b) => a - b)
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

async function holds({ pid, identity, released }: Holder): Promise<boolean> {
  if (released || !(await isAlive(pid))) return false
  return identity === undefined || identity === (await processIdentity(pid))
}

function inUse({ pid }: Holder): EngineError {
  const saying = { code: 'in_use', values: { pid } } as const
  return saidError('conflict', saying, { hint: { code: 'in_use_hint' }, details: { pid } })
}

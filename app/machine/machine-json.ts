import { randomUUID } from 'node:crypto'
import { readFile, rename } from 'node:fs/promises'
import * as v from 'valibot'
import { writeFileAtomic } from '../atomic-file.ts'

const accelerator = v.picklist(['hvf', 'whpx', 'kvm', 'tcg'])

const verdictSchema = v.object({
  works: v.boolean(),
  /** Why not, for people. */
  reason: v.optional(v.string()),
  /** Milliseconds since the epoch. */
  at: v.number(),
})

/** What a machine remembers between starts. */
const machineSchema = v.object({
  version: v.literal(1),
  /** The VM's UUID: a running one is recognised by it. */
  id: v.pipe(v.string(), v.uuid()),
  /** Host port of the guest's sshd; kept as long as it is free. */
  sshPort: v.optional(v.number()),
  /** The VM that was started last and not seen ending. */
  vm: v.optional(
    v.object({
      pid: v.number(),
      sshPort: v.number(),
      accelerator,
      acceleratorNote: v.optional(v.string()),
      startedAt: v.number(),
      recipe: v.string(),
      /** Its kernel came up. */
      booted: v.optional(v.boolean()),
    }),
  ),
  /** The memory that is kept on disk (0 bytes: none), by what it depends on; and how often that went wrong. */
  memory: v.optional(v.object({ key: v.string(), bytes: v.number(), failures: v.number() })),
  /** By accelerator, host kernel and QEMU version: an upgrade of either is a new chance. */
  verdicts: v.record(v.string(), verdictSchema),
})

export type MachineRecord = v.InferOutput<typeof machineSchema>
export type Verdict = v.InferOutput<typeof verdictSchema>

/** `machine.json`: one writer (the lock's holder), replaced whole at every change. */
export class MachineFile {
  readonly #path: string
  #record: MachineRecord
  #last: Promise<unknown> = Promise.resolve()

  private constructor(path: string, record: MachineRecord) {
    this.#path = path
    this.#record = record
  }

  /** Reads it; begins anew when there is none. A damaged one is put aside: nothing in it cannot be found out again. */
  static async open(path: string): Promise<MachineFile> {
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    })
    const record = text === undefined ? undefined : parse(text)
    if (text !== undefined && !record) await rename(path, `${path}.damaged`)
    return new MachineFile(path, record ?? { version: 1, id: randomUUID(), verdicts: {} })
  }

  get record(): MachineRecord {
    return this.#record
  }

  /** One change after the other: each begins with what the one before has left. */
  update(change: (record: MachineRecord) => MachineRecord): Promise<void> {
    const done = this.#last.then(async () => {
      const next = change(this.#record)
      await writeFileAtomic(this.#path, `${JSON.stringify(next, null, 2)}\n`)
      this.#record = next
    })
    this.#last = done.catch(() => undefined)
    return done
  }
}

function parse(text: string): MachineRecord | undefined {
  try {
    return v.parse(machineSchema, JSON.parse(text))
  } catch {
    // Torn by hand or by an old crash; `open` keeps the file for whoever wants to look.
    return undefined
  }
}

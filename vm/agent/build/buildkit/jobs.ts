/** Builds under way, by the name that their client gave them. */
import { EngineError } from '../../../api/errors.ts'
import type { ResolvedImage } from '../../images/images.ts'
import type { Session } from './session.ts'
import { StatusLog } from './status-log.ts'

/** A client's status call may come after the end: what was told is kept this long. */
const KEEP_MS = 10_000
const PATIENCE_MS = 20_000

/** What a client's own program around the build hands back: the image to export, or none. */
export interface Returned {
  image: ResolvedImage | undefined
}

export class Job {
  readonly ref: string
  readonly session: Session | undefined
  readonly log = new StatusLog()
  /** Results of the client's solves, by the names they were given. */
  readonly results = new Map<string, ResolvedImage>()
  readonly returned: Promise<Returned>
  readonly signal: AbortSignal
  readonly #abort = new AbortController()
  #return: (returned: Returned) => void = () => undefined
  #fail: (error: unknown) => void = () => undefined

  constructor(ref: string, session: Session | undefined, signal: AbortSignal) {
    this.ref = ref
    this.session = session
    const signals = [signal, this.#abort.signal, ...(session ? [session.closed] : [])]
    this.signal = AbortSignal.any(signals)
    this.returned = new Promise((resolve, reject) => {
      this.#return = resolve
      this.#fail = reject
    })
    this.returned.catch(() => undefined)
    this.signal.addEventListener('abort', () => this.#fail(new EngineError('cancelled', 'context canceled')))
  }

  giveBack(returned: Returned): void {
    this.#return(returned)
  }

  fail(error: unknown): void {
    this.#fail(error)
  }

  /** It is over: what still runs for it stops. */
  close(): void {
    this.#abort.abort()
    this.log.end()
  }
}

export class Jobs {
  readonly #jobs = new Map<string, Job>()
  readonly #waiting = new Map<string, ((job: Job) => void)[]>()

  open(job: Job): void {
    if (this.#jobs.has(job.ref)) throw new EngineError('already_exists', `job ID ${job.ref} exists`)
    this.#jobs.set(job.ref, job)
    for (const wake of this.#waiting.get(job.ref) ?? []) wake(job)
    this.#waiting.delete(job.ref)
  }

  /** Ends it; none of that name is fine. */
  cancel(ref: string): void {
    this.#jobs.get(ref)?.close()
  }

  close(job: Job): void {
    job.close()
    setTimeout(() => this.#jobs.delete(job.ref), KEEP_MS).unref()
  }

  /** The build of this name, waited for a while: its calls come side by side. */
  async find(ref: string, signal: AbortSignal): Promise<Job> {
    const known = this.#jobs.get(ref)
    if (known) return known
    return new Promise((resolve, reject) => {
      this.#waiting.set(ref, [...(this.#waiting.get(ref) ?? []), resolve])
      AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]).addEventListener('abort', () =>
        reject(new EngineError('not_found', `no such job ${ref}`)),
      )
    })
  }
}

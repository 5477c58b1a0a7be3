/**
 * Layers are unpacked in a thread of their own, so that both CPUs work and the API answers meanwhile. `LayerUnpacker`
 * is the engine's side, `serveUnpacking` the thread's; the thread goes away when there was nothing to do for a while.
 */
import type { MessagePort, Worker } from 'node:worker_threads'
import { EngineError, type ErrorKind, kindOf, messageOf } from '../../api/errors.ts'
import type { Digest } from '../content/store.ts'
import type { AppliedLayer, LayerApplier, PackedLayer, Snapshotter } from './snapshotter.ts'
import { type CopyKernel, copyLayer, digestTree, type UnpackRequest, unpack } from './unpack.ts'

type Work =
  | ({ type: 'unpack' } & UnpackRequest)
  | { type: 'copy'; layers: string[]; upper: string; lower: string[] }
  | { type: 'digest'; source: string }
type Request = (Work & { id: number }) | { type: 'cancel'; id: number }
type Result = AppliedLayer | PackedLayer
type Reply =
  | { type: 'progress'; id: number; bytes: number }
  | { type: 'done'; id: number; result: Result }
  | { type: 'failed'; id: number; kind: ErrorKind; message: string }

interface Job {
  resolve(result: Result): void
  reject(error: unknown): void
  onProgress: ((bytes: number) => void) | undefined
}
interface Watch {
  signal?: AbortSignal
  onProgress?: (bytes: number) => void
}

const IDLE_MS = 20_000
const PROGRESS_MS = 100

export class LayerUnpacker implements LayerApplier, AsyncDisposable {
  readonly #snapshots: Snapshotter
  readonly #makeWorker: () => Worker
  readonly #jobs = new Map<number, Job>()
  #worker: Worker | undefined
  #idle: NodeJS.Timeout | undefined
  #next = 1

  /** `makeWorker` starts a thread that calls `serveUnpacking(parentPort, kernel)`. */
  constructor(options: { snapshots: Snapshotter; makeWorker: () => Worker }) {
    this.#snapshots = options.snapshots
    this.#makeWorker = options.makeWorker
  }

  /** Starts the thread: that costs a moment that a download can hide. */
  warm(): void {
    this.#start()
    this.#scheduleEnd()
  }

  async apply(key: string, path: string, options: Watch & { digest?: Digest } = {}): Promise<AppliedLayer> {
    options.signal?.throwIfAborted()
    const { upper, lower } = await this.#directories(key)
    const { digest } = options
    return (await this.#run({ type: 'unpack', path, upper, lower, digest }, options)) as AppliedLayer
  }

  async copy(source: string, key: string, options: Watch = {}): Promise<AppliedLayer> {
    const layers = await this.#snapshots.layerDirs(source)
    const { upper, lower } = await this.#directories(key)
    return (await this.#run({ type: 'copy', layers, upper, lower }, options)) as AppliedLayer
  }

  async digest(key: string, options: Watch = {}): Promise<PackedLayer> {
    return this.#run({ type: 'digest', source: await this.#snapshots.upperDir(key) }, options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#idle)
    await this.#worker?.terminate()
    this.#worker = undefined
  }

  async #directories(key: string): Promise<{ upper: string; lower: string[] }> {
    const [upper, ...lower] = await this.#snapshots.layerDirs(key)
    if (upper === undefined) throw new EngineError('not_found', `snapshot ${key}: not found`)
    return { upper, lower }
  }

  async #run(work: Work, { signal, onProgress }: Watch): Promise<Result> {
    signal?.throwIfAborted()
    const worker = this.#start()
    const id = this.#next++
    const cancel = () => worker.postMessage({ type: 'cancel', id } satisfies Request)
    signal?.addEventListener('abort', cancel, { once: true })
    try {
      return await new Promise<Result>((resolve, reject) => {
        this.#jobs.set(id, { resolve, reject, onProgress })
        worker.postMessage({ ...work, id } satisfies Request)
      })
    } finally {
      signal?.removeEventListener('abort', cancel)
      signal?.throwIfAborted()
      this.#scheduleEnd()
    }
  }

  #start(): Worker {
    clearTimeout(this.#idle)
    if (this.#worker) return this.#worker
    const worker = this.#makeWorker()
    this.#worker = worker
    worker.unref()
    worker.on('message', (reply: Reply) => this.#receive(reply))
    const lost = (error: unknown) => {
      if (this.#worker === worker) this.#worker = undefined
      for (const job of this.#jobs.values()) job.reject(error)
      this.#jobs.clear()
    }
    worker.on('error', lost)
    worker.on('exit', (code) =>
      lost(new EngineError('internal', `the unpacking thread ended with code ${code}`)),
    )
    return worker
  }

  #receive(reply: Reply): void {
    const job = this.#jobs.get(reply.id)
    if (!job) return
    if (reply.type === 'progress') {
      job.onProgress?.(reply.bytes)
      return
    }
    this.#jobs.delete(reply.id)
    if (reply.type === 'done') job.resolve(reply.result)
    else job.reject(new EngineError(reply.kind, reply.message))
  }

  #scheduleEnd(): void {
    clearTimeout(this.#idle)
    this.#idle = setTimeout(() => {
      if (this.#jobs.size > 0) return
      const worker = this.#worker
      this.#worker = undefined
      void worker?.terminate()
    }, IDLE_MS).unref()
  }
}

/** The thread's side: one job after the other, in the order they came. */
export function serveUnpacking(port: MessagePort, kernel: CopyKernel): void {
  const aborts = new Map<number, AbortController>()
  let last: Promise<void> = Promise.resolve()
  port.on('message', (request: Request) => {
    if (request.type === 'cancel') {
      aborts.get(request.id)?.abort()
      return
    }
    const abort = new AbortController()
    aborts.set(request.id, abort)
    last = last.then(async () => {
      port.postMessage(await answer(port, kernel, request, abort.signal))
      aborts.delete(request.id)
    })
  })
}

async function answer(
  port: MessagePort,
  kernel: CopyKernel,
  request: Work & { id: number },
  signal: AbortSignal,
): Promise<Reply> {
  let told = 0
  const onProgress = (bytes: number) => {
    const now = Date.now()
    if (now - told < PROGRESS_MS) return
    told = now
    port.postMessage({ type: 'progress', id: request.id, bytes } satisfies Reply)
  }
  try {
    const result = await carryOut(kernel, request, { signal, onProgress })
    return { type: 'done', id: request.id, result }
  } catch (error) {
    return { type: 'failed', id: request.id, kind: kindOf(error), message: messageOf(error) }
  }
}

function carryOut(kernel: CopyKernel, work: Work, watch: Watch): Promise<Result> {
  switch (work.type) {
    case 'unpack':
      return unpack(kernel, work, watch)
    case 'copy':
      return copyLayer(kernel, work, watch)
    case 'digest':
      return digestTree(kernel, work.source, watch)
  }
}

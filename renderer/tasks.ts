import { EngineError } from '../vm/api/errors.ts'
import type { ProgressMessage } from '../vm/api/images.ts'
import type { OpenStream, StreamHandlers } from './bridge.ts'
import { Store } from './store.ts'

export interface Layer {
  id: string
  /** Docker's own word for what is happening to it. */
  status: string
  current: number
  total: number
  done: boolean
}

/** Something long with progress that goes on whatever page is shown. */
export interface Task {
  readonly id: string
  readonly kind: 'pull' | 'push' | 'load' | 'build' | 'save'
  /** The reference or file that it is about. */
  readonly subject: string
  readonly state: 'running' | 'done' | 'failed' | 'cancelled'
  readonly error?: string
  readonly layers: readonly Layer[]
  /** Output of a build, and status lines without a layer. */
  readonly output: readonly string[]
  /** Does it all again; absent where it needs something that is gone. */
  readonly again?: () => void
}

const FINISHED = /^(Pull complete|Already exists|Pushed|Layer already exists|Mounted from)/
const FETCHED = /^(Download complete|Verifying Checksum|Extracting)/
const KEPT_LINES = 2000

/** What one progress message makes of a task. Pure. */
export function applyProgress(task: Task, message: ProgressMessage): Task {
  const failure = message.errorDetail?.message ?? message.error
  if (failure) return { ...task, error: failure }
  if (message.stream !== undefined) return { ...task, output: appendText(task.output, message.stream) }
  if (!message.status) return task
  if (!message.id || /^Pulling from/.test(message.status)) {
    return { ...task, output: [...task.output, message.status].slice(-KEPT_LINES) }
  }
  const before = task.layers.find((layer) => layer.id === message.id)
  const layer = nextLayer(
    before ?? { id: message.id, status: '', current: 0, total: 0, done: false },
    message,
  )
  const layers = before ? task.layers.map((one) => (one === before ? layer : one)) : [...task.layers, layer]
  return { ...task, layers }
}

function nextLayer(before: Layer, { status = '', progressDetail }: ProgressMessage): Layer {
  const done = FINISHED.test(status)
  const total = progressDetail?.total ?? before.total
  const current =
    done || FETCHED.test(status)
      ? (progressDetail?.current ?? total)
      : (progressDetail?.current ?? before.current)
  return { id: before.id, status, total, current, done }
}

function appendText(output: readonly string[], text: string): readonly string[] {
  const [first = '', ...rest] = text.split('\n')
  const last = output.at(-1) ?? ''
  return [...output.slice(0, -1), last + first, ...rest].slice(-KEPT_LINES)
}

/** 0–1 over all layers, or undefined while nothing is known. Fetching counts for most of it, unpacking for the rest. */
export function taskProgress(task: Task): number | undefined {
  if (task.state === 'done') return 1
  if (task.layers.length === 0) return undefined
  const shares = task.layers.map((layer) => {
    if (layer.done) return 1
    if (/^Extracting/.test(layer.status))
      return 0.8 + (layer.total > 0 ? (layer.current / layer.total) * 0.2 : 0)
    if (FETCHED.test(layer.status)) return 0.8
    return layer.total > 0 ? (layer.current / layer.total) * 0.8 : 0
  })
  return shares.reduce((sum, share) => sum + share, 0) / shares.length
}

export const tasks = new Store<readonly Task[]>([])
const cancels = new Map<string, () => void>()

type Opener<In> = (handlers: StreamHandlers<ProgressMessage>) => OpenStream<In>
type Feed<In> = (stream: OpenStream<In>, signal: AbortSignal) => Promise<void>

function change(id: string, update: (task: Task) => Task): void {
  tasks.set((all) => all.map((task) => (task.id === id ? update(task) : task)))
}

/** Runs a progress stream as a task; resolves when it is done, rejects with what failed. `feed` writes its input. */
export function startTask<In>(
  kind: Task['kind'],
  subject: string,
  opener: Opener<In>,
  feed?: Feed<In>,
  again?: () => void,
): Promise<void> {
  const id = crypto.randomUUID()
  tasks.set((all) => [
    { id, kind, subject, state: 'running', layers: [], output: [], ...(again && { again }) },
    ...all,
  ])
  const abort = new AbortController()
  return new Promise((resolve, reject) => {
    const finish = (error?: Error): void => {
      cancels.delete(id)
      const told = tasks.get().find((task) => task.id === id)?.error
      const failure = error ?? (told ? new EngineError('internal', told) : undefined)
      change(id, (task) =>
        failure ? { ...task, state: 'failed', error: failure.message } : { ...task, state: 'done' },
      )
      if (failure) reject(failure)
      else resolve()
    }
    const stream = opener({
      data: (message) => {
        change(id, (task) => applyProgress(task, message))
        return undefined
      },
      end: finish,
    })
    cancels.set(id, () => {
      abort.abort()
      stream.close()
      cancels.delete(id)
      change(id, (task) => ({ ...task, state: 'cancelled' }))
      reject(new EngineError('cancelled', `${subject}: cancelled`))
    })
    feed?.(stream, abort.signal).then(
      () => stream.finish(),
      (error: unknown) => {
        stream.close()
        finish(error instanceof Error ? error : new Error(String(error)))
      },
    )
  })
}

export function cancelTask(id: string): void {
  cancels.get(id)?.()
}

export function dismissTask(id: string): void {
  tasks.set((all) => all.filter((task) => task.id !== id || task.state === 'running'))
}

/** Sends a file or an archive in pieces, as fast as the other side takes them. */
export async function feedBlob(
  blob: Blob,
  stream: OpenStream<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  const PIECE = 64 * 1024
  for (let at = 0; at < blob.size; at += PIECE) {
    signal.throwIfAborted()
    await stream.send(new Uint8Array(await blob.slice(at, at + PIECE).arrayBuffer()))
  }
}

import { connect as connectSocket, type Socket } from 'node:net'
import { StringDecoder } from 'node:string_decoder'
import * as v from 'valibot'
import { EngineError, messageOf } from '../../vm/api/errors.ts'

/** Something that QEMU tells unasked, such as `SHUTDOWN` (https://www.qemu.org/docs/master/interop/qemu-qmp-ref.html). */
export interface QmpEvent {
  readonly event: string
  readonly data: Readonly<Record<string, unknown>>
}

/** One monitor connection. */
export interface Qmp {
  /**
   * Runs a QMP command and answers its `return`. Fails with 'internal' in QEMU's words when QEMU refuses it,
   * 'unavailable' when the connection is or gets lost or no answer comes within 5 s, 'cancelled' on abort.
   */
  execute(
    command: string,
    args?: Readonly<Record<string, unknown>>,
    options?: { signal?: AbortSignal },
  ): Promise<unknown>
}

const ANSWER_TIMEOUT_MS = 15_000
const CONNECT_PAUSE_MS = 20
/** No answer that we ask for comes near it. */
const MAX_LINE = 4 * 1024 * 1024

const record = v.record(v.string(), v.unknown())
const messageSchema = v.object({
  QMP: v.optional(record),
  id: v.optional(v.number()),
  return: v.optional(v.unknown()),
  error: v.optional(v.object({ class: v.string(), desc: v.string() })),
  event: v.optional(v.string()),
  data: v.optional(record),
})

interface Waiting {
  resolve(value: unknown): void
  reject(error: Error): void
}

/** A client of QEMU's monitor on a unix socket or a Windows named pipe. */
export class QmpConnection implements Qmp {
  /** Resolves once the connection is gone, which for a monitor means that QEMU is (or that we closed it). */
  readonly closed: Promise<void>
  readonly #socket: Socket
  readonly #waiting = new Map<number, Waiting>()
  readonly #onEvent: (event: QmpEvent) => void
  readonly #greeting: Promise<void>
  #greet: () => void = () => undefined
  #next = 1
  #text = ''

  constructor(socket: Socket, onEvent: (event: QmpEvent) => void = () => undefined) {
    this.#socket = socket
    this.#onEvent = onEvent
    this.#greeting = new Promise((resolve) => {
      this.#greet = resolve
    })
    const decoder = new StringDecoder('utf8')
    socket.on('data', (chunk: Buffer) => this.#receive(decoder.write(chunk)))
    socket.on('error', (error) => this.#fail(error))
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#fail(new Error('connection closed'))
        resolve()
      })
    })
  }

  /**
   * Connects, trying again until the monitor is there, and negotiates. Ends with the signal's reason when that aborts
   * first: a monitor that never appears or never greets is the caller's deadline.
   */
  static async connect(
    path: string,
    { signal, onEvent }: { signal: AbortSignal; onEvent?: (event: QmpEvent) => void },
  ): Promise<QmpConnection> {
    for (;;) {
      const socket = await open(path, signal)
      if (!socket) continue
      const qmp = new QmpConnection(socket, onEvent)
      const abort = () => socket.destroy()
      signal.addEventListener('abort', abort, { once: true })
      try {
        await Promise.race([qmp.#greeting, qmp.closed])
        signal.throwIfAborted()
        await qmp.execute('qmp_capabilities', {}, { signal })
        return qmp
      } catch (error) {
        socket.destroy()
        throw error
      } finally {
        signal.removeEventListener('abort', abort)
      }
    }
  }

  execute(
    command: string,
    args: Readonly<Record<string, unknown>> = {},
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(new EngineError('cancelled', `${command}: cancelled`))
      if (this.#socket.destroyed || !this.#socket.writable) return reject(lost(command))
      const id = this.#next++
      const settle = (act: () => void) => {
        if (!this.#waiting.delete(id)) return
        clearTimeout(timer)
        signal?.removeEventListener('abort', abort)
        act()
      }
      const fail = (error: Error) => settle(() => reject(error))
      const abort = () => fail(new EngineError('cancelled', `${command}: cancelled`))
      const timer = setTimeout(
        () =>
          fail(new EngineError('unavailable', `${command}: the virtual machine's monitor does not answer`)),
        ANSWER_TIMEOUT_MS,
      )
      signal?.addEventListener('abort', abort, { once: true })
      this.#waiting.set(id, {
        resolve: (value) => settle(() => resolve(value)),
        reject: (error) => fail(error instanceof EngineError ? wrap(command, error) : lost(command, error)),
      })
      this.#socket.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`)
    })
  }

  /** Closes our end; QEMU goes on and takes the next client. */
  async close(): Promise<void> {
    this.#socket.destroy()
    await this.closed
  }

  #receive(text: string): void {
    this.#text += text
    for (let end = this.#text.indexOf('\n'); end >= 0; end = this.#text.indexOf('\n')) {
      const line = this.#text.slice(0, end).trim()
      this.#text = this.#text.slice(end + 1)
      if (line !== '') this.#handle(line)
    }
    if (this.#text.length > MAX_LINE) this.#socket.destroy(new Error('the monitor sent an endless line'))
  }

  #handle(line: string): void {
    let message: v.InferOutput<typeof messageSchema>
    try {
      message = v.parse(messageSchema, JSON.parse(line))
    } catch (cause) {
      this.#socket.destroy(new Error(`the monitor sent something else than QMP: ${messageOf(cause)}`))
      return
    }
    if (message.QMP) this.#greet()
    if (message.event) this.#onEvent({ event: message.event, data: message.data ?? {} })
    const waiting = message.id === undefined ? undefined : this.#waiting.get(message.id)
    if (message.error) waiting?.reject(new EngineError('internal', message.error.desc))
    else waiting?.resolve(message.return)
  }

  #fail(cause: Error): void {
    for (const waiting of [...this.#waiting.values()]) waiting.reject(cause)
  }
}

function wrap(command: string, { message }: EngineError): EngineError {
  return new EngineError('internal', `${command}: ${message}`)
}

function lost(command: string, cause?: unknown): EngineError {
  return new EngineError('unavailable', `${command}: the virtual machine's monitor is not connected`, {
    cause,
  })
}

/** An open socket, or undefined after a pause when nobody listens yet. */
function open(path: string, signal: AbortSignal): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const socket = connectSocket(path)
    const abort = () => {
      socket.destroy()
      reject(signal.reason)
    }
    signal.addEventListener('abort', abort, { once: true })
    socket.once('connect', () => {
      signal.removeEventListener('abort', abort)
      socket.removeListener('error', missing)
      resolve(socket)
    })
    const missing = () => {
      socket.destroy()
      setTimeout(() => {
        signal.removeEventListener('abort', abort)
        resolve(undefined)
      }, CONNECT_PAUSE_MS)
    }
    socket.once('error', missing)
  })
}

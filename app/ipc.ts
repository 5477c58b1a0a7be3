import type { IpcMain, MessagePortMain, WebFrameMain } from 'electron'
import { EngineError } from '../vm/api/errors.ts'
import type { Dispatcher } from './dispatch.ts'
import { type Envelope, type Frame, parseFrame, toWireError } from './wire.ts'

/** Names shared with preload.ts, which is bundled apart and must stay free of everything else. */
export const CHANNEL = { call: 'slipway:call', cancel: 'slipway:cancel', open: 'slipway:open' } as const

/** What a message tells about where it came from. */
interface Sender {
  readonly sender: { readonly id: number }
  readonly senderFrame: Pick<WebFrameMain, 'url' | 'parent'> | null
}

export interface IpcOptions {
  readonly ipc: Pick<IpcMain, 'handle' | 'on' | 'removeHandler' | 'removeAllListeners'>
  readonly dispatcher: Dispatcher
  /** The page's own origin. */
  readonly origin: string
  /** Whether a message came from a window of ours. */
  readonly isOurs: (webContentsId: number) => boolean
}

/**
 * The contract over Electron's IPC, as app/wire.ts specifies it. A message is heard only from the main frame of one of
 * our windows showing our own page; everything else is refused before its arguments are looked at.
 */
export function serveIpc({ ipc, dispatcher, origin, isOurs }: IpcOptions): Disposable {
  const calls = new Map<string, AbortController>()
  const refuse = ({ sender, senderFrame }: Sender): EngineError | undefined => {
    const trusted =
      senderFrame !== null &&
      senderFrame.parent === null &&
      originOf(senderFrame.url) === origin &&
      isOurs(sender.id)
    return trusted ? undefined : new EngineError('permission_denied', 'foreign sender')
  }
  ipc.handle(
    CHANNEL.call,
    async (event, method: unknown, args: unknown, callId: unknown): Promise<Envelope> => {
      const refusal = refuse(event)
      if (refusal) return { ok: false, error: toWireError(refusal) }
      if (typeof method !== 'string' || typeof callId !== 'string') {
        return { ok: false, error: toWireError(new EngineError('invalid_argument', 'malformed call')) }
      }
      const key = `${event.sender.id} ${callId}`
      const abort = new AbortController()
      calls.set(key, abort)
      try {
        return await dispatcher.call(method, args, { signal: abort.signal })
      } finally {
        calls.delete(key)
      }
    },
  )
  ipc.on(CHANNEL.cancel, (event, callId: unknown) => {
    if (!refuse(event)) calls.get(`${event.sender.id} ${String(callId)}`)?.abort()
  })
  ipc.on(CHANNEL.open, (event, stream: unknown) => {
    const [port] = event.ports
    if (!port) return
    if (refuse(event) || typeof stream !== 'string') port.close()
    else servePort(dispatcher, stream, port)
  })
  return {
    [Symbol.dispose]() {
      ipc.removeHandler(CHANNEL.call)
      ipc.removeAllListeners(CHANNEL.cancel)
      ipc.removeAllListeners(CHANNEL.open)
      for (const call of calls.values()) call.abort()
    },
  }
}

function originOf(url: string): string | undefined {
  try {
    const { protocol, host } = new URL(url)
    return `${protocol}//${host}`
  } catch {
    return undefined
  }
}

function servePort(dispatcher: Dispatcher, name: string, port: MessagePortMain): void {
  let closed = false
  const stream = dispatcher.accept(name, (frame) => {
    if (!closed) port.postMessage(compact(frame))
  })
  port.on('message', ({ data }) => {
    try {
      stream.receive(parseFrame(data))
    } catch (error) {
      stream.refuse(error)
    }
  })
  port.on('close', () => {
    closed = true
    stream.lost()
  })
  port.start()
}

/** A view is cloned with the whole buffer below it: a few bytes out of a large one are copied first. */
function compact(frame: Frame): Frame {
  if (frame.type !== 'data') return frame
  const { value } = frame
  if (value instanceof Uint8Array) return { type: 'data', value: own(value) }
  if (typeof value === 'object' && value !== null && 'data' in value && value.data instanceof Uint8Array) {
    return { type: 'data', value: { ...value, data: own(value.data) } }
  }
  return frame
}

function own(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes)
}

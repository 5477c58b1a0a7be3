import { saidError } from '../app/sayings.ts'
import {
  decodeFrame,
  decodeJson,
  type Bridge as ElectronBridge,
  type Envelope,
  encodeFrame,
  encodeJson,
  type Frame,
  parseFrame,
  trimArgs,
  unwrap,
} from '../app/wire.ts'
import { StreamPeer } from '../app/wire-stream.ts'
import { EngineError } from '../vm/api/errors.ts'
import type { Bridge, OpenStream, StreamHandlers } from './bridge.ts'

declare global {
  interface Window {
    /** Present under Electron only, put there by app/preload.ts. */
    slipway?: ElectronBridge
  }
}

/** The bridge of the process that opened this page; see app/wire.ts. */
export function pickBridge(): Bridge {
  return window.slipway ? electronBridge(window.slipway) : httpBridge()
}

function httpBridge(): Bridge {
  return {
    async call(method, args, signal) {
      const text = await post(method, args, signal)
      return unwrap(decodeJson(text) as Envelope)
    },
    open: (stream, args, handlers) =>
      attach(args, handlers, (receive, lost) => socket(stream, receive, lost)),
  }
}

async function post(method: string, args: readonly unknown[], signal?: AbortSignal): Promise<string> {
  try {
    const response = await fetch(`/api/call/${method}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: encodeJson(trimArgs(args)),
      signal: signal ?? null,
    })
    return await response.text()
  } catch (cause) {
    if (signal?.aborted) throw new EngineError('cancelled', `${method}: cancelled`, { cause })
    throw saidError('unavailable', { code: 'app_silent' }, { cause })
  }
}

type Transport = { send(frame: Frame): void; close(): void }
type Connect = (receive: (frame: Frame) => void, lost: () => void) => Transport

function socket(stream: string, receive: (frame: Frame) => void, lost: () => void): Transport {
  const url = new URL(`/api/stream/${stream}`, location.href)
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  const ws = new WebSocket(url)
  ws.binaryType = 'arraybuffer'
  const waiting: Frame[] = []
  ws.onopen = () => {
    for (const frame of waiting.splice(0)) ws.send(encodeFrame(frame))
  }
  ws.onmessage = (event: MessageEvent<string | ArrayBuffer>) => receive(decodeFrame(event.data))
  ws.onclose = lost
  return {
    send(frame) {
      if (ws.readyState === WebSocket.OPEN) ws.send(encodeFrame(frame))
      else waiting.push(frame)
    },
    close: () => ws.close(),
  }
}

function electronBridge(native: ElectronBridge): Bridge {
  return {
    async call(method, args, signal) {
      const callId = crypto.randomUUID()
      const cancel = () => native.cancel(callId)
      signal?.addEventListener('abort', cancel, { once: true })
      try {
        return unwrap(await native.call(method, trimArgs(args), callId))
      } finally {
        signal?.removeEventListener('abort', cancel)
      }
    },
    open: (stream, args, handlers) =>
      attach(args, handlers, (receive, lost) => port(native, stream, receive, lost)),
  }
}

function port(
  native: ElectronBridge,
  stream: string,
  receive: (frame: Frame) => void,
  lost: () => void,
): Transport {
  const nonce = crypto.randomUUID()
  const waiting: Frame[] = []
  let channel: MessagePort | undefined
  let closed = false
  const onMessage = (event: MessageEvent): void => {
    if (event.source !== window || event.data?.slipway !== 'port' || event.data.nonce !== nonce) return
    window.removeEventListener('message', onMessage)
    channel = event.ports[0]
    if (!channel) {
      lost()
      return
    }
    channel.addEventListener('close', lost)
    channel.onmessage = (message) => receive(parseFrame(message.data))
    for (const frame of waiting.splice(0)) channel.postMessage(frame)
    if (closed) channel.close()
  }
  window.addEventListener('message', onMessage)
  native.open(stream, nonce)
  return {
    send(frame) {
      if (channel) channel.postMessage(frame)
      else waiting.push(frame)
    },
    close() {
      closed = true
      channel?.close()
    },
  }
}

/** Runs one stream over a transport: values to the handlers in order, credit only for what they have taken. */
function attach(
  args: readonly unknown[],
  handlers: StreamHandlers<unknown>,
  connect: Connect,
): OpenStream<unknown> {
  let transport: Transport | undefined
  let closed = false
  const peer = new StreamPeer((frame) => transport?.send(frame))
  transport = connect(
    (frame) => peer.receive(frame),
    () => peer.lost(),
  )
  transport.send({ type: 'open', args: trimArgs(args) })
  const done = (error?: unknown): void => {
    transport?.close()
    if (closed) return
    closed = true
    handlers.end(error === undefined ? undefined : error instanceof Error ? error : new Error(String(error)))
  }
  consume(peer, handlers).then(() => done(), done)
  return {
    send: (value) => peer.write(value),
    finish: () => peer.end(),
    close() {
      if (closed) return
      closed = true
      peer.cancel()
    },
  }
}

async function consume(peer: StreamPeer, handlers: StreamHandlers<unknown>): Promise<void> {
  for await (const value of peer.incoming()) {
    const taken = handlers.data(value)
    if (taken) await taken
  }
}

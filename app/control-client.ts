import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { type ClientOptions, WebSocket } from 'ws'
import { EngineError } from '../vm/api/errors.ts'
import type {
  MethodArgs,
  MethodName,
  MethodResult,
  StreamArgs,
  StreamIn,
  StreamName,
  StreamOut,
} from './contract.ts'
import { decodeFrame, decodeJson, type Envelope, encodeFrame, encodeJson, trimArgs, unwrap } from './wire.ts'
import { StreamPeer } from './wire-stream.ts'

interface Options<In = never> {
  readonly signal?: AbortSignal
  readonly input?: AsyncIterable<In>
}

/** The contract over the control socket of the process that owns a home. 'unavailable' when there is none. */
export class ControlClient {
  readonly #path: string

  constructor(controlSocket: string) {
    this.#path = controlSocket
  }

  async call<N extends MethodName>(
    method: N,
    args: MethodArgs<N>,
    { signal }: Options = {},
  ): Promise<MethodResult<N>> {
    const text = await this.#post(`/api/call/${method}`, encodeJson(trimArgs(args)), signal)
    return unwrap(decodeJson(text) as Envelope) as MethodResult<N>
  }

  /** Leaving the loop, or the signal, cancels the stream. */
  async *open<N extends StreamName>(
    name: N,
    args: StreamArgs<N>,
    { signal, input }: Options<StreamIn<N>> = {},
  ): AsyncGenerator<StreamOut<N>, void, undefined> {
    // Typings know of the option for clients of http only.
    const options = { createConnection: () => connect(this.#path) } as unknown as ClientOptions
    const ws = new WebSocket(`ws://slipway/api/stream/${name}`, options)
    ws.binaryType = 'nodebuffer'
    const peer = new StreamPeer((frame) => {
      if (ws.readyState === ws.OPEN) ws.send(encodeFrame(frame))
    })
    const cancel = (): void => peer.cancel()
    ws.on('open', () => ws.send(encodeFrame({ type: 'open', args: trimArgs(args) })))
    ws.on('open', () => void send(peer, input))
    ws.on('message', (data: Buffer, binary) =>
      peer.receive(decodeFrame(binary ? data : data.toString('utf8'))),
    )
    ws.on('error', () => peer.lost())
    ws.on('close', () => peer.lost())
    signal?.addEventListener('abort', cancel)
    try {
      for await (const value of peer.incoming()) yield value as StreamOut<N>
    } finally {
      signal?.removeEventListener('abort', cancel)
      ws.close()
    }
  }

  #post(path: string, body: string, signal: AbortSignal | undefined): Promise<string> {
    return new Promise<string>((resolve, reject) => {
      const headers = { 'content-type': 'application/json', host: 'slipway' }
      const options = { socketPath: this.#path, path, method: 'POST', headers, agent: false as const }
      const request = httpRequest(signal ? { ...options, signal } : options, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')))
      })
      request.on('error', (cause) => {
        if (signal?.aborted) reject(new EngineError('cancelled', 'cancelled', { cause }))
        else reject(new EngineError('unavailable', 'Slipway is not running', { cause }))
      })
      request.end(body)
    })
  }
}

async function send(peer: StreamPeer, input: AsyncIterable<unknown> | undefined): Promise<void> {
  if (!input) return
  try {
    for await (const value of input) await peer.write(value)
    peer.end()
  } catch (error) {
    if (!peer.signal.aborted) peer.fail(error)
  }
}

/** The contract's receiving edge: validates arguments, runs the handler, turns what happened into what crosses the wire. */
import * as v from 'valibot'
import { EngineError } from '../vm/api/errors.ts'
import {
  type MethodName,
  type MethodResult,
  methods,
  type ParsedMethodArgs,
  type ParsedStreamArgs,
  type StreamIn,
  type StreamName,
  type StreamOut,
  streams,
} from './contract.ts'
import type { Log } from './shell/log.ts'
import { type Envelope, type Frame, toWireError } from './wire.ts'
import { StreamPeer } from './wire-stream.ts'

export interface CallContext {
  /** Fires when the caller gave up. */
  readonly signal: AbortSignal
}
export interface StreamContext<In> extends CallContext {
  /** What the client sends, checked; ends with the client's `end`. */
  readonly input: AsyncIterable<In>
}

/** One handler per method: a missing one does not compile. */
export type MethodHandlers = {
  readonly [N in MethodName]: (
    args: ParsedMethodArgs<N>,
    context: CallContext,
  ) => MethodResult<N> | Promise<MethodResult<N>>
}
export type StreamHandlers = {
  readonly [N in StreamName]: (
    args: ParsedStreamArgs<N>,
    context: StreamContext<StreamIn<N>>,
  ) => AsyncIterable<StreamOut<N>>
}

type AnyMethod = (args: unknown, context: CallContext) => unknown
type AnyStream = (args: unknown, context: StreamContext<unknown>) => AsyncIterable<unknown>
interface AnyStreamContract {
  readonly args: v.GenericSchema
  readonly input?: v.GenericSchema
}

export class Dispatcher {
  readonly #methods: MethodHandlers
  readonly #streams: StreamHandlers
  readonly #log: Log

  constructor(handlers: { methods: MethodHandlers; streams: StreamHandlers; log: Log }) {
    this.#methods = handlers.methods
    this.#streams = handlers.streams
    this.#log = handlers.log
  }

  /** Never rejects. */
  async call(name: string, args: unknown, context: CallContext): Promise<Envelope> {
    try {
      if (!Object.hasOwn(methods, name)) throw new EngineError('not_found', `no such method: ${name}`)
      const method = name as MethodName
      const parsed = check(`${name}: `, methods[method].args as v.GenericSchema, args)
      const value = await (this.#methods[method] as AnyMethod)(parsed, context)
      return value === undefined ? { ok: true } : { ok: true, value }
    } catch (error) {
      return { ok: false, error: toWireError(this.#seen(name, error, context.signal)) }
    }
  }

  /** The server's end of one stream; the transport feeds it frames, the first of which opens it. */
  accept(name: string, send: (frame: Frame) => void): ServerStream {
    return new ServerStream(send, (args, peer) => this.#run(name, args, peer))
  }

  async #run(name: string, args: unknown, peer: StreamPeer): Promise<void> {
    try {
      if (!Object.hasOwn(streams, name)) throw new EngineError('not_found', `no such stream: ${name}`)
      const stream = name as StreamName
      const contract: AnyStreamContract = streams[stream]
      const parsed = check(`${name}: `, contract.args, args)
      const input = checked(name, contract.input, peer.incoming())
      const values = (this.#streams[stream] as AnyStream)(parsed, { signal: peer.signal, input })
      for await (const value of values) await peer.write(value)
      peer.end()
    } catch (error) {
      peer.fail(this.#seen(name, error, peer.signal))
    }
  }

  /** Logs what nobody expected; a caller that gave up hears 'cancelled', whatever broke because of it. */
  #seen(name: string, error: unknown, signal: AbortSignal): unknown {
    if (signal.aborted) return new EngineError('cancelled', `${name}: cancelled`, { cause: error })
    if (!(error instanceof EngineError) || error.kind === 'internal') this.#log.error(`${name} failed`, error)
    return error
  }
}

/** Waits for `open`, then is an ordinary peer. */
export class ServerStream {
  readonly #peer: StreamPeer
  readonly #run: (args: unknown, peer: StreamPeer) => Promise<void>
  #open = false
  /** Resolves when the handler is done. */
  done: Promise<void> = Promise.resolve()

  constructor(send: (frame: Frame) => void, run: (args: unknown, peer: StreamPeer) => Promise<void>) {
    this.#peer = new StreamPeer(send)
    this.#run = run
  }

  receive(frame: Frame): void {
    if (this.#open) {
      this.#peer.receive(frame)
    } else if (frame.type === 'open') {
      this.#open = true
      this.done = this.#run(frame.args, this.#peer)
    } else if (frame.type === 'cancel') {
      this.lost()
    } else {
      this.#peer.fail(new EngineError('invalid_argument', 'the first frame must open the stream'))
    }
  }

  /** A message that is no frame. */
  refuse(error: unknown): void {
    this.#peer.fail(error)
    this.lost()
  }

  lost(): void {
    this.#peer.lost()
  }
}

function check(prefix: string, schema: v.GenericSchema, value: unknown): unknown {
  const parsed = v.safeParse(schema, value)
  if (parsed.success) return parsed.output
  const [issue] = parsed.issues
  const path = v.getDotPath(issue)
  throw new EngineError('invalid_argument', `${prefix}${path ? `${path}: ` : ''}${issue.message}`)
}

async function* checked(
  name: string,
  schema: v.GenericSchema | undefined,
  source: AsyncIterable<unknown>,
): AsyncGenerator<unknown, void, undefined> {
  for await (const value of source) {
    if (schema === undefined) throw new EngineError('invalid_argument', `${name}: takes no input`)
    yield check(`${name}: input: `, schema, value)
  }
}

import type {
  MethodArgs,
  MethodName,
  MethodResult,
  StreamArgs,
  StreamIn,
  StreamName,
  StreamOut,
} from '../app/contract.ts'
import type { Bridge, OpenStream, StreamHandlers } from './bridge.ts'

let bridge: Bridge | undefined

/** Called once by the entry point before anything renders. */
export function connect(to: Bridge): void {
  bridge = to
}

function connected(): Bridge {
  if (!bridge) throw new Error('api used before connect()')
  return bridge
}

/** Calls one contract method; rejects with EngineError. */
export function call<N extends MethodName>(
  method: N,
  args: MethodArgs<N>,
  { signal }: { signal?: AbortSignal } = {},
): Promise<MethodResult<N>> {
  return connected().call(method, args as readonly unknown[], signal) as Promise<MethodResult<N>>
}

/** Opens one contract stream. */
export function open<N extends StreamName>(
  stream: N,
  args: StreamArgs<N>,
  handlers: StreamHandlers<StreamOut<N>>,
): OpenStream<StreamIn<N>> {
  return connected().open(
    stream,
    args as readonly unknown[],
    handlers as StreamHandlers<unknown>,
  ) as OpenStream<StreamIn<N>>
}

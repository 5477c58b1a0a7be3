/**
 * What the interface needs from the process behind it, whichever way the bytes travel (Electron's message ports or
 * a WebSocket). Implementations rebuild failures as EngineError and never lose one.
 */

export interface StreamHandlers<Out> {
  /** Called in order. A returned promise holds back the acknowledgement, and so in the end the source. */
  data(value: Out): undefined | Promise<void>
  /** Called once: without an error when the source ended by itself. Not called after `close`. */
  end(error?: Error): void
}

export interface OpenStream<In> {
  /** Sends one value to the source. Resolves when more may be sent. */
  send(value: In): Promise<void>
  /** No more input; output goes on. */
  finish(): void
  /** Gives up the stream on both sides; idempotent. */
  close(): void
}

export interface Bridge {
  /** Rejects with EngineError; an aborted signal cancels the work behind it. */
  call(method: string, args: readonly unknown[], signal?: AbortSignal): Promise<unknown>
  open(stream: string, args: readonly unknown[], handlers: StreamHandlers<unknown>): OpenStream<unknown>
}

/**
 * A signal that aborts when `signal` does, or after `ms` with a TimeoutError. Instead of `AbortSignal.any` with an
 * `AbortSignal.timeout`: before Node 24 nothing holds on to the latter, and once the collector has taken it away the signal
 * made of both never fires (https://github.com/nodejs/node/issues/57736).
 */
export function withDeadline(ms: number, signal?: AbortSignal): AbortSignal {
  const late = new AbortController()
  const timer = setTimeout(
    () => late.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError')),
    ms,
  )
  // Where timers keep a process alive, this one does not.
  if (typeof timer === 'object') timer.unref()
  return signal ? AbortSignal.any([late.signal, signal]) : late.signal
}

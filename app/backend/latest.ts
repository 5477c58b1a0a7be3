/**
 * The values that a subscription emits, for one consumer. A slow consumer skips to the newest (`keep` 1), or falls
 * behind by at most `keep` values of which the oldest are dropped. Ends when the signal fires.
 */
export async function* valuesOf<T>(
  subscribe: (emit: (value: T) => void) => () => void,
  signal: AbortSignal,
  { keep = 1 }: { keep?: number } = {},
): AsyncGenerator<T, void, undefined> {
  const queue: T[] = []
  let wake: (() => void) | undefined
  const stop = (): void => wake?.()
  const unsubscribe = subscribe((value) => {
    queue.push(value)
    if (queue.length > keep) queue.shift()
    wake?.()
  })
  signal.addEventListener('abort', stop)
  try {
    while (!signal.aborted) {
      const value = queue.shift()
      if (value !== undefined) {
        yield value
        continue
      }
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  } finally {
    signal.removeEventListener('abort', stop)
    unsubscribe()
  }
}

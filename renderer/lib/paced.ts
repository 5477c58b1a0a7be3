import { nextFrame } from '../store.ts'

/** Bytes taken between two drawings before the source has to wait for the next one. */
const BURST = 256 * 1024
/** Milliseconds between drawings while much comes at once: text that nobody can read need not be drawn 60 times. */
const REST = 100

/**
 * Draws what a stream brings, at most once per frame and less often in a flood. Tell it the bytes of each piece; when
 * too many came since the last drawing it answers a promise of the next one, for the stream to hold back its source.
 */
export function paced(draw: () => void): (bytes: number) => Promise<void> | undefined {
  let bytes = 0
  let last = -REST
  let coming: Promise<void> | undefined
  const schedule = (): Promise<void> =>
    new Promise((resolve) => {
      const now = (): void =>
        nextFrame(() => {
          bytes = 0
          last = performance.now()
          coming = undefined
          draw()
          resolve()
        })
      const rest = last + REST - performance.now()
      if (rest > 0) setTimeout(now, rest)
      else now()
    })
  return (more) => {
    bytes += more
    coming ??= schedule()
    return bytes > BURST ? coming : undefined
  }
}

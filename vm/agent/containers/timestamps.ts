/** Times as Docker writes them. Node's clock has milliseconds; performance.now adds what is below. */
const origin = { wall: BigInt(Date.now()) * 1_000_000n, mono: process.hrtime.bigint() }

/** Nanoseconds since the epoch, monotonic while the clock is not stepped by more than a second. */
export function nowNano(): bigint {
  const wall = BigInt(Date.now()) * 1_000_000n
  const fine = origin.wall + (process.hrtime.bigint() - origin.mono)
  const drift = fine - wall
  if (drift > 1_000_000_000n || drift < -1_000_000_000n) {
    origin.wall = wall
    origin.mono = process.hrtime.bigint()
    return wall
  }
  return fine
}

/** RFC 3339 in UTC with nanoseconds, without trailing zeros, as Go's RFC3339Nano. */
export function rfc3339(nano: bigint): string {
  const seconds = nano / 1_000_000_000n
  const fraction = (nano % 1_000_000_000n).toString().padStart(9, '0').replace(/0+$/, '')
  const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, 19)
  return `${whole}${fraction === '' ? '' : `.${fraction}`}Z`
}

export const nowRfc3339 = (): string => rfc3339(nowNano())

/** Milliseconds of an RFC 3339 text; NaN when it is none. */
export function millisOf(text: string): number {
  return Date.parse(text.replace(/(\.\d{3})\d+/, '$1'))
}

/** A length of time as Go prints it, to the millisecond: `50ms`, `1.5s`, `2m0s`, `1h0m5s`. */
export function goDuration(ms: number): string {
  if (ms < 1000) return ms === 0 ? '0s' : `${ms}ms`
  const seconds = (ms % 60_000) / 1000
  const minutes = Math.floor(ms / 60_000)
  if (minutes === 0) return `${seconds}s`
  return minutes < 60 ? `${minutes}m${seconds}s` : `${Math.floor(minutes / 60)}h${minutes % 60}m${seconds}s`
}

/** Points in time as Docker's filters write them. Pure. */
import { EngineError } from '../../api/errors.ts'

const UNITS: Record<string, number> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}

/** RFC 3339, Unix seconds, or a Go duration back from now (`24h`, `1h30m`); milliseconds since the epoch. */
export function parseUntil(text: string, now: number = Date.now()): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000
  if (/^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/.test(text)) {
    let duration = 0
    for (const [, value, , unit] of text.matchAll(/(\d+(\.\d+)?)(ns|us|µs|ms|s|m|h)/g)) {
      duration += Number(value) * (UNITS[unit ?? ''] ?? 0)
    }
    return now - duration
  }
  const date = Date.parse(text)
  if (Number.isNaN(date))
    throw new EngineError('invalid_argument', `failed to parse value as time or duration: "${text}"`)
  return date
}

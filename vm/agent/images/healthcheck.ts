/** HEALTHCHECK of Dockerfiles. Pure. */
import type { HealthConfig } from '../../api/containers.ts'
import { EngineError } from '../../api/errors.ts'
import { jsonForm } from './instruction-words.ts'

const FLAGS: Record<string, keyof HealthConfig> = {
  interval: 'Interval',
  timeout: 'Timeout',
  'start-period': 'StartPeriod',
  'start-interval': 'StartInterval',
  retries: 'Retries',
}
const UNITS: Record<string, number> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 }

/** invalid_argument names the flag or the form that is wrong. */
export function parseHealthcheck(
  instruction: { flags: { name: string; value: string }[]; rest: string },
  _shell: readonly string[],
): HealthConfig {
  const [, kind = '', rest = ''] = /^(\S*)\s*([\s\S]*)$/.exec(instruction.rest) ?? []
  if (kind.toUpperCase() === 'NONE') {
    if (rest !== '') throw new EngineError('invalid_argument', 'HEALTHCHECK NONE takes no arguments')
    return { Test: ['NONE'] }
  }
  if (kind.toUpperCase() !== 'CMD') {
    throw new EngineError('invalid_argument', `Unknown type "${kind}" in HEALTHCHECK (try CMD)`)
  }
  if (rest === '') throw new EngineError('invalid_argument', 'Missing command after HEALTHCHECK CMD')
  const exec = jsonForm(rest)
  const health: HealthConfig = { Test: exec ? ['CMD', ...exec] : ['CMD-SHELL', rest] }
  for (const { name, value } of instruction.flags) {
    const field = FLAGS[name]
    if (!field || field === 'Test') throw new EngineError('invalid_argument', `unknown flag: ${name}`)
    health[field] = field === 'Retries' ? retries(value) : duration(name, value)
  }
  return health
}

function retries(value: string): number {
  if (!/^[1-9]\d*$/.test(value))
    throw new EngineError('invalid_argument', `--retries must be at least 1 (not ${value})`)
  return Number(value)
}

/** A Go duration in nanoseconds. */
function duration(name: string, text: string): number {
  if (!/^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$|^0$/.test(text)) {
    throw new EngineError('invalid_argument', `invalid duration "${text}" for --${name}`)
  }
  let total = 0
  for (const [, value, , unit] of text.matchAll(/(\d+(\.\d+)?)(ns|us|µs|ms|s|m|h)/g)) {
    total += Number(value) * (UNITS[unit ?? ''] ?? 0)
  }
  if (total !== 0 && total < 1e6)
    throw new EngineError('invalid_argument', `Interval "${name}" cannot be less than 1ms`)
  return total
}

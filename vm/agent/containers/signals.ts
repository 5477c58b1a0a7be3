import { constants } from 'node:os'
import { EngineError } from '../../api/errors.ts'

/** `SIGTERM`, `term`, `15`, `RTMIN+3` → number; invalid_argument in Docker's words. */
export function parseSignal(text: string): number {
  if (/^[0-9]+$/.test(text)) {
    const number = Number(text)
    if (number >= 1 && number <= 64) return number
    if (number === 0) throw invalid(text)
    throw new EngineError('invalid_argument', `the linux daemon does not support signal ${number}`)
  }
  const name = text.toUpperCase().replace(/^SIG/, '')
  const realtime = /^RTM(IN|AX)([+-][0-9]{1,2})?$/.exec(name)
  if (realtime) {
    const number = (realtime[1] === 'IN' ? 34 : 64) + Number(realtime[2] ?? 0)
    if (number >= 34 && number <= 64) return number
    throw invalid(text)
  }
  const number = (constants.signals as Record<string, number>)[`SIG${name}`]
  if (number === undefined) throw invalid(text)
  return number
}

function invalid(text: string): EngineError {
  return new EngineError('invalid_argument', `invalid signal: ${text}`)
}

import type { MachineState } from '../app/machine/state.ts'
import { type Said, saidBy, say } from '../app/sayings.ts'
import { EngineError, messageOf } from '../vm/api/errors.ts'
import { language } from './i18n.ts'

/** What went wrong: in the window's language where there are words for it, else in the engine's own. */
export function errorText(error: unknown): string {
  return inWords(saidBy(error).message, messageOf(error))
}

/** The same with what can be done about it, if that is known, in a line of its own. */
export function failureOf(error: unknown): string {
  return [errorText(error), errorHint(error)].filter(Boolean).join('\n')
}

function errorHint(error: unknown): string | undefined {
  return inWords(saidBy(error).hint, error instanceof EngineError ? error.hint : undefined)
}

/** Why the machine stopped and what can be done, one beneath the other. */
export function failureText({
  error,
  hint,
  said,
}: Pick<Extract<MachineState, { state: 'failed' }>, 'error' | 'hint' | 'said'>): {
  error: string
  hint: string | undefined
} {
  return { error: inWords(said?.message, error), hint: inWords(said?.hint, hint) }
}

function inWords<T extends string | undefined>(saying: Said['message'], text: T): T | string {
  return saying ? say(saying, language()) : text
}

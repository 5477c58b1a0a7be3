/** Which stages of a Dockerfile a build carries out. Pure. */
import { EngineError } from '../../api/errors.ts'
import type { ParsedDockerfile, Stage, Step } from './dockerfile.ts'
import { expandVariables } from './expand.ts'

/**
 * The stages up to the target (none named: the last), in order. `onlyNeeded` leaves out those that the target is not
 * made of, as BuildKit does; the classic builder makes them all.
 */
export function chooseStages(
  parsed: ParsedDockerfile,
  options: { target: string; onlyNeeded: boolean; globals: ReadonlyMap<string, string> },
): Stage[] {
  const last = targetOf(parsed.stages, options.target)
  if (!options.onlyNeeded) return parsed.stages.slice(0, last + 1)
  const needed = new Set<number>()
  const add = (index: number) => {
    const stage = parsed.stages[index]
    if (!stage || needed.has(index)) return
    needed.add(index)
    const base = expandVariables(stage.base, options.globals, parsed.escape)
    for (const name of [base, ...stage.steps.flatMap(referencesOf)]) add(find(parsed.stages, name, index))
  }
  add(last)
  return parsed.stages.filter(({ index }) => needed.has(index))
}

/** Index of an earlier stage by name or number; -1: it is no stage. */
function find(stages: readonly Stage[], name: string, before: number): number {
  const byName = stages.findLastIndex((stage, index) => index < before && stage.name === name.toLowerCase())
  if (byName >= 0) return byName
  return /^\d+$/.test(name) && Number(name) < before ? Number(name) : -1
}

function referencesOf(step: Step): string[] {
  return step.flags.flatMap(({ name, value }) => {
    if (name === 'from') return value
    if (name !== 'mount') return []
    return value
      .split(',')
      .filter((item) => item.startsWith('from='))
      .map((item) => item.slice('from='.length))
  })
}

function targetOf(stages: readonly Stage[], target: string): number {
  if (target === '') return stages.length - 1
  const byName = stages.findIndex(({ name }) => name === target.toLowerCase())
  const index = byName >= 0 ? byName : /^\d+$/.test(target) ? Number(target) : -1
  if (index >= 0 && index < stages.length) return index
  throw new EngineError('invalid_argument', `target stage "${target}" could not be found`)
}

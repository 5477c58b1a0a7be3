/** A Dockerfile as stages of instructions. dockerfile-ast finds the instructions; joining their lines is ours. Pure. */
import { DockerfileParser } from 'dockerfile-ast'
import { EngineError } from '../../api/errors.ts'
import { type Instruction, parseLine } from '../images/changes.ts'
import { rawWords } from '../images/instruction-words.ts'
import { type Heredoc, readHeredocs } from './heredoc.ts'

export interface Step extends Instruction {
  /** The instruction as the build prints it: one line, as written. */
  text: string
  /** Line in the Dockerfile, from 1, and how many lines it has. */
  line: number
  lines: number
  /** Of RUN, COPY and ADD. */
  heredocs?: Heredoc[]
}

export interface Stage {
  /** From 0. */
  index: number
  /** Name after AS, lower case; undefined without. */
  name: string | undefined
  from: Step
  /** Base image, a stage's name or `scratch`, not yet expanded. */
  base: string
  platform: string | undefined
  steps: Step[]
}

export interface ParsedDockerfile {
  escape: string
  /** ARG instructions before the first FROM. */
  globalArguments: Step[]
  stages: Stage[]
}

const KEYWORDS = new Set(
  'ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL STOPSIGNAL USER VOLUME WORKDIR'.split(
    ' ',
  ),
)

const WITH_HEREDOCS = new Set(['RUN', 'COPY', 'ADD'])

/** invalid_argument in Docker's words, with the line. */
export function parseDockerfile(text: string, name = 'Dockerfile'): ParsedDockerfile {
  if (text.trim() === '')
    throw new EngineError('invalid_argument', `the Dockerfile (${name}) cannot be empty`)
  const parsed = DockerfileParser.parse(text.replace(/^\uFEFF/, ''))
  const escapeChar = parsed.getEscapeCharacter()
  const steps = parsed
    .getInstructions()
    .map((instruction) =>
      stepOf(instruction.getTextContent(), instruction.getRange().start.line + 1, escapeChar),
    )
  const first = steps.findIndex(({ keyword }) => keyword === 'FROM')
  const before = first < 0 ? steps : steps.slice(0, first)
  const stray = before.find(({ keyword }) => keyword !== 'ARG')
  if (stray)
    throw new EngineError(
      'invalid_argument',
      `dockerfile parse error on line ${stray.line}: no build stage in current context`,
    )
  if (first < 0) throw new EngineError('invalid_argument', 'file with no instructions')
  const stages: Stage[] = []
  for (const step of steps.slice(first)) {
    if (step.keyword === 'FROM') stages.push(stageOf(step, stages.length))
    else stages.at(-1)?.steps.push(step)
  }
  return { escape: escapeChar, globalArguments: before, stages }
}

function stageOf(step: Step, index: number): Stage {
  const match = /^(\S+)(?:\s+[aA][sS]\s+(\S+))?$/.exec(step.rest)
  if (!match)
    throw new EngineError(
      'invalid_argument',
      `dockerfile parse error on line ${step.line}: FROM requires either one or three arguments`,
    )
  const name = match[2]?.toLowerCase()
  if (name !== undefined && !/^[a-z][a-z0-9-_.]*$/.test(name)) {
    throw new EngineError(
      'invalid_argument',
      `dockerfile parse error on line ${step.line}: invalid name for build stage: "${match[2]}", name can't start with a number or contain symbols`,
    )
  }
  const platform = step.flags.find((flag) => flag.name === 'platform')?.value
  return { index, name, from: step, base: match[1] ?? '', platform, steps: [] }
}

function stepOf(text: string, line: number, escapeChar: string): Step {
  const { joined, rest: below } = joinLines(text, escapeChar)
  return { ...parseStep(joined, below, line), text: joined, line, lines: text.split('\n').length }
}

/** One logical line, with the lines below it that its here-documents are. */
export function parseStep(
  text: string,
  below: readonly string[],
  line: number,
): Instruction & Pick<Step, 'heredocs'> {
  const instruction = parseLine(text)
  if (!KEYWORDS.has(instruction.keyword)) {
    throw new EngineError(
      'invalid_argument',
      `dockerfile parse error on line ${line}: unknown instruction: ${instruction.keyword}`,
    )
  }
  if (instruction.rest === '' && instruction.keyword !== 'CMD') {
    throw new EngineError(
      'invalid_argument',
      `dockerfile parse error on line ${line}: ${instruction.keyword} requires at least one argument`,
    )
  }
  if (instruction.keyword === 'ONBUILD') {
    return below.length === 0
      ? instruction
      : { ...instruction, rest: [instruction.rest, ...below].join('\n') }
  }
  const heredocs = WITH_HEREDOCS.has(instruction.keyword)
    ? readHeredocs(rawWords(instruction.rest), below, line)
    : []
  return heredocs.length > 0 ? { ...instruction, heredocs } : instruction
}

/** A logical line: continuations joined, comment and empty lines between them dropped; and what is left of the text. */
function joinLines(text: string, escapeChar: string): { joined: string; rest: string[] } {
  const continued = new RegExp(`${escapeChar === '\\' ? '\\\\' : escapeChar}[ \\t]*$`)
  const parts: string[] = []
  const lines = text.split(/\r?\n/)
  let used = 0
  let inside = false
  for (const line of lines) {
    used++
    if (inside && /^\s*(#|$)/.test(line)) continue
    inside = continued.test(line)
    parts.push(inside ? line.replace(continued, '') : line)
    if (!inside) break
  }
  return { joined: parts.join('').trim(), rest: lines.slice(used) }
}

/** A build as the vertexes that BuildKit's clients show: one for each instruction that makes files. */
import type { ProgressMessage } from '../../../api/images.ts'
import type { Digest } from '../../content/store.ts'
import type { Stage, Step } from '../dockerfile.ts'
import type { BuildTeller } from '../teller.ts'
import type { StatusLog } from './status-log.ts'
import { Vertex } from './vertex.ts'

const SHOWN = new Set(['FROM', 'RUN', 'COPY', 'ADD', 'WORKDIR'])

export class VertexTeller implements BuildTeller {
  readonly #log: StatusLog
  readonly #id: string
  readonly #vertexes = new Map<Step, Vertex>()
  #current: Vertex | undefined
  #at: Step | undefined

  /** `id` tells the build from others. */
  constructor(log: StatusLog, id: string) {
    this.#log = log
    this.#id = id
  }

  /** The instruction that is carried out, or was when the build ended. */
  get at(): Step | undefined {
    return this.#at
  }

  plan(plan: { stages: readonly Stage[] }): void {
    for (const stage of plan.stages) {
      const steps = [stage.from, ...stage.steps].filter(({ keyword }) => SHOWN.has(keyword))
      const name = stage.name ?? (plan.stages.length > 1 ? `stage-${stage.index}` : '')
      let before: Vertex[] = []
      for (const [index, step] of steps.entries()) {
        const place = `[${name === '' ? '' : `${name} `}${index + 1}/${steps.length}]`
        const vertex = new Vertex(
          this.#log,
          `${this.#id}/${stage.index}/${index}`,
          `${place} ${shown(step)}`,
          before,
        )
        this.#vertexes.set(step, vertex)
        before = [vertex]
      }
    }
  }

  step(step: Step): void {
    this.#at = step
    const vertex = this.#vertexes.get(step)
    if (!vertex) return
    this.#current?.end()
    this.#current = vertex.start()
  }

  triggers(): void {
    // They are told as part of the FROM that brings them.
  }

  pulling({ id, status, progressDetail }: ProgressMessage): void {
    if (id === undefined || status === undefined || !progressDetail?.total) return
    const { current = 0, total } = progressDetail
    this.#current?.progress(`${status.toLowerCase()} ${id}`, current, { total, done: current >= total })
  }

  cached(): void {
    this.#current?.cached()
  }

  container(): void {
    // Containers of steps are nobody's business here.
  }

  removed(): void {
    // See container.
  }

  output(chunk: Uint8Array): void {
    this.#current?.output(Uint8Array.from(chunk))
  }

  image(_id: Digest | undefined): void {
    // A vertex ends when the next begins: steps that only change the configuration belong to it.
  }

  unconsumed(): void {
    // BuildKit takes build arguments that nobody asks for without a word.
  }

  /** The build is over. */
  end(error?: unknown): void {
    this.#current?.end(error)
    this.#current = undefined
  }
}

/** The instruction in one line, with the beginning of its here-documents. */
function shown(step: Step): string {
  const line = step.text.replace(/\s*\n\s*/g, ' ')
  const [heredoc] = step.heredocs ?? []
  if (!heredoc) return line
  const first = heredoc.content.trim().split('\n')[0] ?? ''
  return `${line} (${first.slice(0, 40)}${heredoc.content.trim().length > first.length ? '...' : ''})`
}

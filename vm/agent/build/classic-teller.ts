/** A build in the words of the classic builder's stream. */
import type { ProgressMessage } from '../../api/images.ts'
import type { Digest } from '../content/store.ts'
import { shortId } from '../images/chain.ts'
import type { Stage, Step } from './dockerfile.ts'
import type { BuildTeller } from './teller.ts'

export class ClassicTeller implements BuildTeller {
  readonly #say: (message: ProgressMessage) => void
  readonly #quiet: boolean
  #decoder = new TextDecoder()
  #step = 0
  #total = 0

  constructor(say: (message: ProgressMessage) => void, options: { quiet: boolean }) {
    this.#say = say
    this.#quiet = options.quiet
  }

  plan(plan: { globals: readonly Step[]; stages: readonly Stage[]; labels: boolean }): void {
    const steps = plan.stages.reduce((sum, stage) => sum + 1 + stage.steps.length, 0)
    this.#total = plan.globals.length + steps + (plan.labels ? 1 : 0)
  }

  step(step: Step): void {
    this.#step++
    this.#decoder = new TextDecoder()
    this.#print(`Step ${this.#step}/${this.#total} : ${step.text}\n`)
  }

  triggers(count: number): void {
    this.#print(`# Executing ${count} build trigger${count > 1 ? 's' : ''}\n`)
  }

  pulling(message: ProgressMessage): void {
    this.#say(message)
  }

  cached(): void {
    this.#print(' ---> Using cache\n')
  }

  container(id: string): void {
    this.#print(` ---> Running in ${shortId(id)}\n`)
  }

  removed(id: string): void {
    this.#print(` ---> Removed intermediate container ${shortId(id)}\n`)
  }

  output(chunk: Uint8Array): void {
    this.#print(this.#decoder.decode(chunk, { stream: true }))
  }

  image(id: Digest | undefined): void {
    this.#print(id ? ` ---> ${shortId(id)}\n` : ' ---> \n')
  }

  unconsumed(names: readonly string[]): void {
    this.#print(`[Warning] One or more build-args [${names.join(' ')}] were not consumed\n`)
  }

  #print(text: string): void {
    if (!this.#quiet) this.#say({ stream: text })
  }
}

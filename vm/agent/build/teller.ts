/** How a build tells what it does: in the classic stream's words, or as BuildKit's vertexes. */
import type { ProgressMessage } from '../../api/images.ts'
import type { Digest } from '../content/store.ts'
import type { Stage, Step } from './dockerfile.ts'

/** What is told between one `step` and the next belongs to that step. */
export interface BuildTeller {
  /** Once, before anything else: everything that will be carried out, in order. */
  plan(plan: { globals: readonly Step[]; stages: readonly Stage[]; labels: boolean }): void
  step(step: Step): void
  /** ONBUILD instructions of the base image follow. */
  triggers(count: number): void
  /** The base image is being pulled. */
  pulling(message: ProgressMessage): void
  /** The step's result was there already. */
  cached(): void
  /** The step's command runs in this container. */
  container(id: string): void
  removed(id: string): void
  output(chunk: Uint8Array): void
  /** The step is done; undefined: nothing there yet (`FROM scratch`). */
  image(id: Digest | undefined): void
  /** Build arguments that nothing asked for. */
  unconsumed(names: readonly string[]): void
}

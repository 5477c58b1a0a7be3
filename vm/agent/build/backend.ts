/** What a build needs of the rest of the engine, as narrow as it is. */
import type { ContainerConfig, HostConfig } from '../../api/containers.ts'
import type { Kernel } from '../linux/kernel.ts'
import type { ApplyKernel } from '../snapshots/apply.ts'

/** What building asks of the kernel itself. */
export type BuildKernel = ApplyKernel & Pick<Kernel, 'getXattr'>

/** RUN steps happen in real containers of the container service. */
export interface BuildContainers {
  /** Creates a container that is not shown as a user's own mistake when it stays; answers its id. */
  create(request: ContainerConfig & { HostConfig?: HostConfig }): Promise<{ Id: string }>
  /**
   * Starts it, hands over its output (stdout and stderr as they come) and answers its exit code. When the signal
   * aborts the container is killed and the call rejects.
   */
  run(id: string, options: { onOutput: (chunk: Uint8Array) => void; signal?: AbortSignal }): Promise<number>
  /** Key of its writable snapshot. */
  snapshotOf(id: string): Promise<string>
  /** Removes it, running or not; a snapshot that is gone already is fine. */
  remove(id: string): Promise<void>
  /** Removes all that have this label. */
  removeLabelled(label: string): Promise<void>
}

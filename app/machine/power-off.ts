import { messageOf } from '../../vm/api/errors.ts'
import { within } from './deadline.ts'
import type { VmHandle } from './driver.ts'
import type { HookOptions, MachineOptions } from './machine-options.ts'
import type { Ssh } from './ssh.ts'

export interface PowerOff {
  readonly ssh: Ssh
  readonly handle: VmHandle
  readonly options: Pick<MachineOptions, 'shutdown' | 'log'>
  /** Milliseconds that the guest is given. */
  readonly deadline: number
}

/** Asks the guest to end itself, waits for that as long as is fair, and then ends QEMU. Never fails. */
export async function powerOff({ ssh, handle, options, deadline }: PowerOff): Promise<void> {
  const plainly = ({ signal }: HookOptions) => ssh.exec('poweroff', { signal })
  const ask = async (running: HookOptions): Promise<void> => {
    try {
      await (options.shutdown ? options.shutdown(ssh.dial, running) : plainly(running))
    } catch (error) {
      // The guest's end may cut off its own answer. If that was not it, the plain way is left.
      options.log('machine: asking the guest to power off', { error: messageOf(error) })
      if (options.shutdown) await plainly(running)
    }
  }
  try {
    await within({ ms: deadline, what: "the guest's end" }, (running) => {
      ask(running).catch((error: unknown) =>
        options.log('machine: the guest cannot be asked to power off', { error: messageOf(error) }),
      )
      return handle.exited
    })
  } catch (error) {
    options.log('machine: the guest does not power off', { error: messageOf(error) })
  }
  await handle.stop()
}

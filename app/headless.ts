import type { Machine } from './machine/machine.ts'

/** Long enough for the stop that a restart or a reset begins with. */
const LINGER = 1500
/** Nobody asked for anything: whoever started this process is gone. */
const FORGOTTEN = 60_000

/**
 * A process that nobody sees has no reason to live without its machine: calls `exit` once the machine stopped and stayed
 * so, unless something else needs the process by then. A failed machine keeps it: somebody will want to know why.
 */
export function exitWhenStopped(
  machine: Pick<Machine, 'subscribe'>,
  { exit, needed }: { exit: () => void; needed: () => boolean },
): void {
  let timer: NodeJS.Timeout | undefined
  let ran = false
  machine.subscribe(({ state }) => {
    clearTimeout(timer)
    if (state !== 'stopped') {
      ran = true
      return
    }
    timer = setTimeout(
      () => {
        if (!needed()) exit()
      },
      ran ? LINGER : FORGOTTEN,
    )
  })
}

import type { MachineState } from '../machine/state.ts'

/** Where a command says things: results on stdout, everything else on stderr. */
export interface Output {
  readonly tty: boolean
  line(text: string): void
  note(text: string): void
  /** Replaces the note before it where a person watches (`''` clears it). */
  progress(text: string): void
}

export function terminalOutput(): Output {
  const tty = process.stderr.isTTY === true
  let open = false
  let last = ''
  return {
    tty,
    line: (text) => process.stdout.write(`${text}\n`),
    note(text) {
      process.stderr.write(`${open ? '\r\x1b[K' : ''}${text}\n`)
      open = false
    },
    progress(text) {
      if (text === last) return
      last = text
      if (tty) process.stderr.write(`\r\x1b[K${text.slice(0, (process.stderr.columns ?? 80) - 1)}`)
      else if (text !== '') process.stderr.write(`${text}\n`)
      open = tty && text !== ''
    },
  }
}

const STEPS: Readonly<Record<string, string>> = {
  prepare: 'preparing disk and keys',
  launch: 'starting the virtual machine',
  kernel: 'booting Linux',
  disk: 'mounting the data disk',
  connect: 'connecting',
  engine: 'waiting for the engine',
  ports: 'publishing ports',
}

/** One line about a state, as `status` and the progress of `start` show it. */
export function describeState(state: MachineState): string {
  switch (state.state) {
    case 'stopped':
    case 'stopping':
      return state.state
    case 'starting': {
      const percent = state.progress === undefined ? '' : ` ${Math.round(state.progress * 100)} %`
      const detail = state.detail ? `: ${state.detail}` : ''
      return `starting: ${STEPS[state.step] ?? state.step}${percent}${detail}`
    }
    case 'running':
      return 'running'
    case 'degraded':
      return `running, with problems: ${state.problems.map(({ message }) => message).join('; ')}`
    case 'failed':
      return `failed: ${state.error}`
  }
}

import { EngineError } from '../../vm/api/errors.ts'
import type { MachineState } from '../machine/state.ts'
import { valuesOf } from './latest.ts'
import { machineLogs } from './logs.ts'
import type { MethodsOf, Parts, StreamsOf } from './parts.ts'
import { residentBytes } from './resident.ts'
import { isRunning } from './running.ts'
import { runStream } from './vm-run.ts'

export function machineMethods(parts: Parts): MethodsOf<'machine'> {
  const { machine, engine } = parts
  return {
    'machine.state': () => machine.state,
    'machine.start': (_args, { signal }) => machine.start({ signal }),
    // A stop that began goes on whoever asked for it went away.
    'machine.stop': () => machine.stop(),
    'machine.restart': () => machine.restart(),
    'machine.usage': async (_args, { signal }) => {
      const { state } = machine
      if (!('pid' in state)) throw new EngineError('unavailable', 'the machine is not running')
      const [usage, rss] = await Promise.all([engine.slipway.usage({ signal }), residentBytes(state.pid)])
      return { ...usage, process: { rss } }
    },
    'machine.reset': ([what]) => reset(parts, what),
  }
}

export function machineStreams(parts: Parts): StreamsOf<'machine'> {
  const { machine } = parts
  return {
    'machine.states': (_args, { signal }) =>
      valuesOf<MachineState>((emit) => machine.subscribe(emit), signal, { keep: 100 }),
    'machine.logs': ([source], { signal }) => machineLogs(parts, source, signal),
    'machine.run': ([options], context) => runStream(machine, options, context),
  }
}

/**
 * Reset in steps: the settings; every container, image and volume; or both. The machine runs again afterwards when it
 * did before.
 */
async function reset(
  { machine, settings }: Parts,
  what: 'settings' | 'containers' | 'everything',
): Promise<void> {
  if (what === 'settings') {
    await settings.reset({ keepDisk: true })
    return
  }
  const ran = isRunning(machine.state)
  await machine.stop()
  await machine.removeData()
  if (what === 'everything') await settings.reset({ keepDisk: false })
  if (ran) await machine.start()
}

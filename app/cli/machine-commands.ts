import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { EngineError, kindOf } from '../../vm/api/errors.ts'
import type { MachineState } from '../machine/state.ts'
import type { Command } from './command.ts'
import { type Context, ensureOwner, hasOwner } from './context.ts'
import { describeState } from './output.ts'

export const start: Command = {
  usage: '',
  summary: 'Starts the engine and waits until it answers.',
  async run(context) {
    await ensureOwner(context)
    await withProgress(context, 'machine.start')
    const { state } = await stateOf(context)
    context.out.note(state === 'degraded' ? 'Running, with problems. See: slipway status' : 'Running.')
    return 0
  },
}

export const stop: Command = {
  usage: '',
  summary: 'Stops the engine and its virtual machine. Containers stop in order; nothing is lost.',
  async run(context) {
    if (!(await hasOwner(context))) {
      if ((await orphan(context)) === undefined) {
        context.out.note('Not running.')
        return 0
      }
      await ensureOwner(context)
    }
    const { headless } = await context.client.call('app.info', [])
    await withProgress(context, 'machine.stop')
    if (headless) await release(context)
    context.out.note('Stopped.')
    return 0
  },
}

/** Ends the background process; waiting for that makes "stop, then remove the home" simple. */
async function release(context: Context): Promise<void> {
  await context.client.call('app.release', [])
  for (let tries = 0; tries < 100 && (await hasOwner(context)); tries++) await sleep(25)
}

export const restart: Command = {
  usage: '',
  summary: 'Stops the engine, then starts it.',
  async run(context) {
    await ensureOwner(context)
    await withProgress(context, 'machine.restart')
    context.out.note('Running.')
    return 0
  },
}

export const status: Command = {
  usage: '[--json]',
  summary: 'Says whether the engine runs. Exit code 0 when it does, 3 when not.',
  flags: { json: { type: 'boolean', help: 'Print the state as JSON.' } },
  async run(context, { flags }) {
    const state = await stateOf(context)
    if (flags['json']) context.out.line(JSON.stringify({ ...state, dockerHost: context.home.dockerHost }))
    else for (const line of statusLines(state, context)) context.out.line(line)
    const left = state.state === 'stopped' ? await orphan(context) : undefined
    if (left !== undefined) {
      context.out.note(`A virtual machine (process ${left}) outlived its app: slipway start takes it over.`)
    }
    return flags['json'] || isUp(state) ? 0 : 3
  },
}

function statusLines(state: MachineState, { home }: Context): string[] {
  const lines = [`Engine:       ${describeState(state)}`]
  if ('accelerator' in state) {
    const note = state.acceleratorNote ? ` (${state.acceleratorNote})` : ''
    lines.push(`Accelerator:  ${state.accelerator}${note}`)
    lines.push(`Running for:  ${duration(Date.now() - state.startedAt)}`)
    lines.push(`DOCKER_HOST:  ${home.dockerHost}`)
  }
  if (state.state === 'failed' && state.hint) lines.push(`Hint:         ${state.hint}`)
  lines.push(`Home:         ${home.root}`)
  if (state.state === 'stopped') lines.push('', 'Start it with: slipway start')
  return lines
}

function duration(milliseconds: number): string {
  const minutes = Math.floor(milliseconds / 60_000)
  if (minutes < 1) return `${Math.max(0, Math.round(milliseconds / 1000))} s`
  if (minutes < 60) return `${minutes} min`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

function isUp({ state }: MachineState): boolean {
  return state === 'running' || state === 'degraded'
}

async function stateOf({ client }: Context): Promise<MachineState> {
  try {
    return await client.call('machine.state', [])
  } catch (error) {
    if (kindOf(error) === 'unavailable') return { state: 'stopped' }
    throw error
  }
}

/** The process id of a virtual machine whose app is gone. */
async function orphan({ home }: Context): Promise<number | undefined> {
  try {
    const pid = Number(await readFile(join(home.root, 'qemu.pid'), 'utf8'))
    process.kill(pid, 0)
    return pid
  } catch {
    return undefined
  }
}

/** Calls a method that changes the machine and shows its states until it answers. */
export async function withProgress(
  { client, out, signal }: Context,
  method: 'machine.start' | 'machine.stop' | 'machine.restart',
): Promise<void> {
  const done = new AbortController()
  const shown = (async () => {
    for await (const state of client.open('machine.states', [], { signal: done.signal })) {
      if (state.state === 'starting' || state.state === 'stopping') out.progress(describeState(state))
    }
  })().catch(() => undefined)
  try {
    await client.call(method, [], { signal })
  } catch (error) {
    throw await explained(client, error)
  } finally {
    done.abort()
    await shown
    if (out.tty) out.progress('')
  }
}

/** A failed start with the end of the machine's console, which is where the cause is. */
async function explained(client: Context['client'], error: unknown): Promise<unknown> {
  if (!(error instanceof EngineError) || error.kind !== 'vm_failed') return error
  const state = await client.call('machine.state', [])
  if (state.state !== 'failed' || !state.serialTail) return error
  const hint = [error.hint, `The machine's console ended with:\n${state.serialTail.trimEnd()}`]
  return new EngineError(error.kind, error.message, { cause: error, hint: hint.filter(Boolean).join('\n') })
}

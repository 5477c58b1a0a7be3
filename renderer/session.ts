import type { AppInfo } from '../app/contract.ts'
import type { MachineState } from '../app/machine/state.ts'
import type { Settings } from '../app/settings-schema.ts'
import { kindOf } from '../vm/api/errors.ts'
import type { EventMessage } from '../vm/api/system.ts'
import { call, open } from './api.ts'
import { resources } from './resources.ts'
import { Store } from './store.ts'

/** What the whole window knows: the process behind it, the machine, the settings. */
export interface Session {
  /** `lost`: the app's own process does not answer; nothing on screen can be trusted to be current. */
  connection: 'connecting' | 'open' | 'lost' | 'refused'
  app: AppInfo | undefined
  machine: MachineState | undefined
  settings: Settings | undefined
}

export const session = new Store<Session>({
  connection: 'connecting',
  app: undefined,
  machine: undefined,
  settings: undefined,
})

/** The engine can be asked. */
export function isOnline(machine: MachineState | undefined): boolean {
  return machine?.state === 'running' || machine?.state === 'degraded'
}

/** Container events that change no list or detail that is shown. */
const QUIET = /^(exec_|top$|resize$|attach$|detach$|archive-path$|copy$|export$)/

/** What an engine event makes stale. */
export function staleTags(event: EventMessage): string[] {
  if (event.Type === 'container') {
    if (QUIET.test(event.Action)) return []
    const tags = ['containers', `container:${event.Actor.ID}`]
    if (/^(create|destroy|commit)$/.test(event.Action)) tags.push('images', 'volumes', 'df')
    if (/^(start|die|destroy|create)$/.test(event.Action)) tags.push('networks')
    return tags
  }
  if (event.Type === 'image' || event.Type === 'builder') return ['images', 'df']
  if (event.Type === 'volume') return ['volumes', 'df']
  if (event.Type === 'network') {
    const container = event.Actor.Attributes['container']
    return container ? ['networks', 'containers', `container:${container}`] : ['networks']
  }
  return ['system']
}

type Listener = (event: EventMessage) => void
const listeners = new Set<Listener>()

/** Every engine event, for notifications and the like; lists use resources. */
export function onEngineEvent(listener: Listener): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** Opens the window's long-lived streams and keeps them open. Called once. */
export function startSession(): void {
  keep((end) =>
    open('machine.states', [], {
      data: (machine) => {
        if (session.get().connection !== 'open') refreshFacts()
        session.patch({ machine, connection: 'open' })
        resources.setOnline(isOnline(machine))
        return undefined
      },
      end: () => {
        if (session.get().connection !== 'refused') session.patch({ connection: 'lost' })
        resources.setOnline(false)
        askWhy()
        end()
      },
    }),
  )
  keep((end) =>
    open('settings.changes', [], {
      data: (settings) => {
        session.patch({ settings })
        return undefined
      },
      end,
    }),
  )
  keep((end) => open('events', [], { data: onEvent, end }))
}

function onEvent(event: EventMessage | { resync: true }): undefined {
  if ('resync' in event) {
    resources.invalidateAll()
    return undefined
  }
  const tags = staleTags(event)
  if (tags.length > 0) resources.invalidate(...tags)
  for (const listener of listeners) listener(event)
  return undefined
}

function refreshFacts(): void {
  Promise.all([call('app.info', []), call('settings.get', [])]).then(
    ([app, settings]) => session.patch({ app, settings }),
    () => session.patch({ connection: 'lost' }),
  )
}

/** A socket that is refused tells a page nothing; an answer to a call does. */
function askWhy(): void {
  call('machine.state', []).catch((error: unknown) => {
    if (kindOf(error) === 'unauthenticated') session.patch({ connection: 'refused' })
  })
}

/** Opens again after every end, a little later each time in a row (0.25 s to 3 s). */
function keep(openStream: (end: () => void) => unknown): void {
  let delay = 250
  const again = (): void => {
    const opened = Date.now()
    openStream(() => {
      delay = Date.now() - opened > 5000 ? 250 : Math.min(delay * 2, 3000)
      setTimeout(again, delay)
    })
  }
  again()
}

import type { ContainerSummary } from '../vm/api/containers.ts'
import { call, open } from './api.ts'
import { notify, notifyError } from './components/toast.tsx'
import { showDialog } from './dialogs.ts'
import { t } from './i18n.ts'
import { session } from './session.ts'
import { Store } from './store.ts'
import { startTask } from './tasks.ts'

/** What is being done to which object: a spinner in its row, nothing more; the state itself comes from events. */
export const busy = new Store<Readonly<Record<string, string>>>({})

/** Objects that go when their Undo has run out. */
export const doomed = new Store<ReadonlySet<string>>(new Set())

export const UNDO_MS = 6000

export function nameOf(container: Pick<ContainerSummary, 'Names' | 'Id'>): string {
  return container.Names[0]?.replace(/^\//, '') ?? container.Id.slice(0, 12)
}

/** Does one thing to one object; says what failed. Resolves to whether it worked. */
export async function act(
  id: string,
  verb: string,
  name: string,
  work: () => Promise<unknown>,
): Promise<boolean> {
  busy.set((all) => ({ ...all, [id]: verb }))
  try {
    await work()
    return true
  } catch (error) {
    notifyError(t(`failed.${verb}`, { name }), error)
    return false
  } finally {
    busy.set(({ [id]: _done, ...rest }) => rest)
  }
}

export type Verb = 'start' | 'stop' | 'restart' | 'kill' | 'pause' | 'unpause'

/** Whether the verb makes sense in the container's state. */
export function canDo(verb: Verb, { State }: Pick<ContainerSummary, 'State'>): boolean {
  const alive = State === 'running' || State === 'paused' || State === 'restarting'
  switch (verb) {
    case 'start':
      return State === 'created' || State === 'exited' || State === 'dead'
    case 'stop':
    case 'kill':
    case 'restart':
      return alive
    case 'pause':
      return State === 'running'
    case 'unpause':
      return State === 'paused'
  }
}

/** Does a verb to every one of the containers that it fits, eight at a time. */
export async function doToContainers(verb: Verb, containers: readonly ContainerSummary[]): Promise<void> {
  const queue = containers.filter((container) => canDo(verb, container))
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const { Id } = next
      await act(Id, verb, nameOf(next), () => call(`containers.${verb}`, [Id]))
    }
  }
  await Promise.all(Array.from({ length: Math.min(8, queue.length) }, worker))
}

/** Deletes: stopped ones after a time to undo, running ones after asking. */
export function removeContainers(containers: readonly ContainerSummary[]): void {
  if (containers.length === 0) return
  const running = containers.filter((container) => canDo('stop', container))
  const name = nameOf(containers[0] as ContainerSummary)
  const one = containers.length === 1
  const remove = (volumes: boolean): Promise<unknown> =>
    Promise.all(
      containers.map((one) =>
        act(one.Id, 'remove', nameOf(one), () =>
          call('containers.remove', [one.Id, { force: true, volumes }]),
        ),
      ),
    )
  if (running.length > 0) {
    showDialog({
      kind: 'confirm',
      title: one
        ? t('containers.deleteOne', { name })
        : t('containers.deleteMany', { count: containers.length }),
      text: one
        ? t('containers.deleteRunningOne')
        : t('containers.deleteRunningMany', { count: running.length }),
      check: t('containers.deleteVolumes'),
      action: t('common.delete'),
      run: (volumes) => void remove(volumes),
    })
    return
  }
  deferred(
    containers.map(({ Id }) => Id),
    one ? t('containers.deletedOne', { name }) : t('containers.deletedMany', { count: containers.length }),
    () => remove(false),
  )
}

/** Marks objects as going and does it when nobody undid it in time. */
export function deferred(
  ids: readonly string[],
  title: string,
  work: () => Promise<unknown>,
  detail?: string,
): void {
  doomed.set((all) => new Set([...all, ...ids]))
  const spare = (): void => doomed.set((all) => new Set([...all].filter((id) => !ids.includes(id))))
  const timer = setTimeout(() => {
    work()
      .finally(spare)
      .catch((error: unknown) => notifyError(title, error))
  }, UNDO_MS)
  notify({
    title,
    ...(detail !== undefined && { detail }),
    timeout: UNDO_MS,
    action: {
      label: t('common.undo'),
      run: () => {
        clearTimeout(timer)
        spare()
      },
    },
  })
}

export function renameContainer(id: string, name: string): void {
  showDialog({
    kind: 'prompt',
    title: t('containers.renameTitle', { name }),
    label: t('common.name'),
    value: name,
    action: t('common.rename'),
    run: (value) => call('containers.rename', [id, value]),
  })
}

/** Pulls as a task; the notice about its end is only for when nobody waits for it. */
export async function pullImage(reference: string, { quiet = false } = {}): Promise<void> {
  const again = (): void => {
    pullImage(reference).catch((error: unknown) => notifyError(t('failed.pull', { name: reference }), error))
  }
  await startTask(
    'pull',
    reference,
    (handlers) => open('images.pull', [reference], handlers),
    undefined,
    again,
  )
  if (!quiet) notify({ title: t('images.pulled', { name: reference }), kind: 'success' })
}

/** Where a published port is reached from this machine. */
export function portUrl(ip: string | undefined, port: number): string {
  const host = !ip || ip === '0.0.0.0' || ip === '::' || ip === '127.0.0.1' || ip === '::1' ? 'localhost' : ip
  return `${port === 443 || port === 8443 ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`
}

export function openUrl(url: string): void {
  call('app.openExternal', [url]).catch((error: unknown) => {
    // A headless host has no browser to open, but this page is in one.
    const opened = session.get().app?.shell === 'browser' && window.open(url, '_blank', 'noopener') !== null
    if (!opened) notifyError(t('failed.open', { name: url }), error)
  })
}

import i18next from 'i18next'
import { Copy, Download, Info, Play, RotateCw, Tag, Trash2, Upload } from 'lucide-react'
import { act, deferred, pullImage } from '../../actions.ts'
import { call, open } from '../../api.ts'
import type { MenuEntry } from '../../components/menu.tsx'
import { copyText, notify, notifyError } from '../../components/toast.tsx'
import { showDialog } from '../../dialogs.ts'
import { bytes, shortId } from '../../format.ts'
import { t } from '../../i18n.ts'
import { chooseFiles, saveFile } from '../../lib/save-file.ts'
import { go } from '../../router.ts'
import { feedBlob, startTask } from '../../tasks.ts'
import { freedBy, type ImageRow } from './images-view.ts'

export function rowLabel(row: ImageRow): string {
  return row.tag || shortId(row.image.Id)
}

function failed(what: string) {
  return (error: unknown): void => notifyError(what, error)
}

export function imageMenu(rows: readonly ImageRow[]): MenuEntry[] {
  const only = rows.length === 1 ? rows[0] : undefined
  const names = rows.map(rowLabel)
  return [
    ...(only ? singleEntries(only) : []),
    { label: t('images.save'), icon: Download, run: () => void saveImages(names) },
    'separator',
    {
      label: t('common.delete'),
      icon: Trash2,
      danger: true,
      shortcut: 'Delete',
      run: () => removeImages(rows),
    },
  ]
}

function singleEntries(row: ImageRow): MenuEntry[] {
  const name = rowLabel(row)
  return [
    {
      label: t('images.run'),
      icon: Play,
      shortcut: 'R',
      run: () => showDialog({ kind: 'run', form: { image: name } }),
    },
    { label: t('images.layers'), icon: Info, shortcut: 'Enter', run: () => go('images', name) },
    'separator',
    {
      label: t('images.pullAgain'),
      icon: RotateCw,
      disabled: row.tag === '',
      run: () => pullImage(name).catch(failed(t('failed.pull', { name }))),
    },
    {
      label: t('images.tagDots'),
      icon: Tag,
      run: () =>
        showDialog({
          kind: 'prompt',
          title: t('images.tagTitle', { name }),
          label: t('images.newTag'),
          value: row.tag,
          action: t('images.tag'),
          run: (value) => call('images.tag', [row.image.Id, value]),
        }),
    },
    {
      label: t('images.push'),
      icon: Upload,
      disabled: row.tag === '',
      run: () => pushImage(name),
    },
    { label: t('common.copyId'), icon: Copy, run: () => copyText(row.image.Id) },
  ]
}

function pushImage(name: string): void {
  startTask(
    'push',
    name,
    (handlers) => open('images.push', [name], handlers),
    undefined,
    () => pushImage(name),
  ).then(
    () => notify({ title: t('images.pushed', { name }), kind: 'success' }),
    failed(t('failed.push', { name })),
  )
}

/** Deletes after a time to undo, and says what it frees. What a container uses the engine refuses at once. */
export function removeImages(rows: readonly ImageRow[]): void {
  const [first] = rows
  if (!first) return
  const remove = (): Promise<unknown> =>
    Promise.all(
      rows.map((row) =>
        act(row.key, 'remove', rowLabel(row), () => call('images.remove', [row.tag || row.image.Id, {}])),
      ),
    )
  if (rows.some((row) => row.usedBy > 0)) {
    void remove()
    return
  }
  deferred(
    rows.map(({ key }) => key),
    rows.length === 1
      ? t('images.deletedOne', { name: rowLabel(first) })
      : t('images.deletedMany', { count: rows.length }),
    remove,
    t('images.frees', { size: bytes(freedBy(rows), i18next.language) }),
  )
}

export async function saveImages(names: readonly string[]): Promise<void> {
  const parts: Uint8Array<ArrayBuffer>[] = []
  const subject = names.join(', ')
  try {
    await startTask('save', subject, (handlers) =>
      open('images.save', [[...names]], {
        data(chunk) {
          parts.push(chunk as Uint8Array<ArrayBuffer>)
          return undefined
        },
        end: handlers.end,
      }),
    )
    saveFile(
      `${(names[0] ?? 'images').replaceAll(/[/:]/g, '-')}.tar`,
      new Blob(parts, { type: 'application/x-tar' }),
    )
  } catch (error) {
    notifyError(t('failed.save', { name: subject }), error)
  }
}

export async function loadImages(): Promise<void> {
  for (const file of await chooseFiles({ accept: '.tar,.tar.gz,.tgz,.tar.zst' })) {
    try {
      await startTask(
        'load',
        file.name,
        (handlers) => open('images.load', [], handlers),
        (stream, signal) => feedBlob(file, stream, signal),
      )
      notify({ title: t('images.loaded', { name: file.name }), kind: 'success' })
    } catch (error) {
      notifyError(t('failed.load', { name: file.name }), error)
    }
  }
}

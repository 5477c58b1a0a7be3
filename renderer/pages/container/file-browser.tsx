import { ArrowUp, Download, File as FileIcon, Folder, Link2, Trash2, Upload } from 'lucide-react'
import { type DragEvent, useCallback, useMemo, useState } from 'react'
import type { FileEntry } from '../../../app/contract.ts'
import { deferred, doomed } from '../../actions.ts'
import { call, open } from '../../api.ts'
import { Button, IconButton } from '../../components/button.tsx'
import { Modal } from '../../components/dialog.tsx'
import { TextArea } from '../../components/field.tsx'
import { Blank, Loaded, Notice } from '../../components/states.tsx'
import { Cell, Table } from '../../components/table.tsx'
import { notify, notifyError } from '../../components/toast.tsx'
import { failureOf } from '../../errors.ts'
import { ago, bytes } from '../../format.ts'
import { useI18n } from '../../i18n.ts'
import { type DroppedFile, droppedFiles } from '../../lib/dropped-files.ts'
import { chooseFiles, saveFile } from '../../lib/save-file.ts'
import { tarFiles } from '../../lib/tar.ts'
import { resources, useResource } from '../../resources.ts'
import { useStore } from '../../store.ts'
import { feedBlob } from '../../tasks.ts'

const EDITABLE = 512 * 1024

function join(folder: string, name: string): string {
  return folder === '/' ? `/${name}` : `${folder}/${name}`
}

function foldersFirst(entries: readonly FileEntry[]): FileEntry[] {
  const rank = ({ kind }: FileEntry): number => (kind === 'directory' ? 0 : 1)
  return [...entries].sort((a, b) => rank(a) - rank(b))
}

/** Whose files: a container's, running or not, or a volume's. */
export interface FileOwner {
  readonly kind: 'containers' | 'volumes'
  readonly id: string
  /** Further tags whose events make a listing stale. */
  readonly tags: readonly string[]
}

/** Browses files through the archive API. */
export function FileBrowser({ owner }: { owner: FileOwner }) {
  const { kind, id } = owner
  const { t, locale } = useI18n()
  const [path, setPath] = useState('/')
  const [editing, setEditing] = useState<{ path: string; text: string; mode: number } | undefined>(undefined)
  const [dropping, setDropping] = useState(false)
  const tag = `files:${kind}:${id}`
  const files = useResource(`${tag}:${path}`, [tag, ...owner.tags], (signal) =>
    call(`${kind}.files`, [id, path], { signal }),
  )
  const sorted = useMemo(() => foldersFirst('data' in files ? (files.data ?? []) : []), [files])
  const refresh = (): void => resources.invalidate(tag)
  const upload = async (chosen: Promise<readonly DroppedFile[]>): Promise<void> => {
    try {
      const list = await chosen
      if (list.length === 0) return
      await uploadFiles(owner, path, list)
      const title =
        list.length === 1
          ? t('files.uploadedOne', { path })
          : t('files.uploadedMany', { count: list.length, path })
      notify({ title, kind: 'success' })
    } catch (error) {
      notifyError(t('files.uploadFailed', { path }), error)
    }
    refresh()
  }
  const openEntry = (entry: FileEntry): void => {
    const full = join(path, entry.name)
    if (entry.kind === 'directory' || entry.kind === 'symlink') setPath(full)
    else if (entry.size > EDITABLE) void download(owner, full, entry)
    else edit(entry, full)
  }
  const edit = (entry: FileEntry, full: string): void => {
    readText(owner, full).then(
      (text) =>
        text === undefined
          ? void download(owner, full, entry)
          : setEditing({ path: full, text, mode: entry.mode }),
      (error: unknown) => notifyError(t('files.readFailed', { path: full }), error),
    )
  }
  const remove = (entry: FileEntry): void => {
    const full = join(path, entry.name)
    deferred([`${tag}:${full}`], t('files.deleted', { name: entry.name }), () =>
      call(`${kind}.deleteFile`, [id, full]).then(refresh, (error: unknown) => {
        notifyError(t('files.deleteFailed', { name: entry.name }), error)
      }),
    )
  }
  const render = useCallback(
    (entry: FileEntry) => (
      <FileCells entry={entry} mark={`${tag}:${join(path, entry.name)}`} locale={locale} />
    ),
    [locale, tag, path],
  )
  const onDrop = (event: DragEvent): void => {
    event.preventDefault()
    setDropping(false)
    void upload(droppedFiles(event.dataTransfer.items))
  }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is extra; the Upload button does the same
    <div
      className="files"
      data-dropping={dropping ? '' : undefined}
      onDragOver={(event) => {
        event.preventDefault()
        setDropping(true)
      }}
      onDragLeave={() => setDropping(false)}
      onDrop={onDrop}
    >
      <div className="log-bar">
        <IconButton
          icon={ArrowUp}
          label={t('files.up')}
          disabled={path === '/'}
          onClick={() => setPath(path.replace(/\/[^/]*$/, '') || '/')}
        />
        <Crumbs path={path} onGo={setPath} />
        <span className="grow" />
        <Button icon={Upload} onClick={() => void upload(chosenFiles())}>
          {t('files.upload')}
        </Button>
      </div>
      <Loaded resource={files} tags={[tag, ...owner.tags]}>
        {(entries) =>
          entries.length === 0 ? (
            <Blank icon={Folder} title={t('files.empty')} text={t('files.emptyText')} />
          ) : (
            <Table
              label={path}
              className="file-table"
              items={sorted}
              keyOf={(entry) => entry.name}
              rowHeight={() => 32}
              columns={[
                { key: 'name', label: t('column.name') },
                { key: 'size', label: t('column.size'), align: 'end' },
                { key: 'changed', label: t('column.changed') },
                { key: 'mode', label: t('column.mode') },
              ]}
              render={render}
              onOpen={openEntry}
              menu={(entry) => [
                { label: t('common.open'), icon: FileIcon, shortcut: 'Enter', run: () => openEntry(entry) },
                {
                  label: t('files.download'),
                  icon: Download,
                  run: () => void download(owner, join(path, entry.name), entry),
                },
                'separator',
                {
                  label: t('common.delete'),
                  icon: Trash2,
                  danger: true,
                  shortcut: 'Delete',
                  run: () => remove(entry),
                },
              ]}
              onKey={(event, entry) => {
                if (event.key === 'Backspace') setPath(path.replace(/\/[^/]*$/, '') || '/')
                else if (event.key === 'Delete' && entry) remove(entry)
                else return false
                return true
              }}
            />
          )
        }
      </Loaded>
      {editing && (
        <Editor owner={owner} {...editing} onClose={() => setEditing(undefined)} onSaved={refresh} />
      )}
    </div>
  )
}

function Crumbs({ path, onGo }: { path: string; onGo: (path: string) => void }) {
  const { t } = useI18n()
  const parts = path.split('/').filter(Boolean)
  return (
    <nav className="crumbs" aria-label={t('files.path')}>
      <button type="button" onClick={() => onGo('/')}>
        /
      </button>
      {parts.map((part, index) => {
        const target = `/${parts.slice(0, index + 1).join('/')}`
        return (
          <button
            key={target}
            type="button"
            onClick={() => onGo(target)}
            aria-current={index === parts.length - 1 ? 'location' : undefined}
          >
            {part}
          </button>
        )
      })}
    </nav>
  )
}

function FileCells({ entry, mark, locale }: { entry: FileEntry; mark: string; locale: string }) {
  const going = useStore(doomed, (all) => all.has(mark))
  const Icon = entry.kind === 'directory' ? Folder : entry.kind === 'symlink' ? Link2 : FileIcon
  return (
    <>
      <Cell column="name">
        <span className="row" data-going={going ? '' : undefined}>
          <Icon size={14} className={entry.kind === 'directory' ? 'file-folder' : 'faint'} aria-hidden />
          <span className="ellipsis">{entry.name}</span>
          {entry.linkTarget && <span className="faint ellipsis">→ {entry.linkTarget}</span>}
        </span>
      </Cell>
      <Cell column="size" end>
        <span className="num muted">{entry.kind === 'file' ? bytes(entry.size, locale) : ''}</span>
      </Cell>
      <Cell column="changed">
        <span className="num muted">{ago(entry.mtime, Date.now(), locale)}</span>
      </Cell>
      <Cell column="mode">
        <code className="faint">{(entry.mode & 0o7777).toString(8).padStart(4, '0')}</code>
      </Cell>
    </>
  )
}

/** The text of a file, or undefined when it is not text. */
async function readText({ kind, id }: FileOwner, path: string): Promise<string | undefined> {
  const data = await call(`${kind}.readFile`, [id, path])
  if (data.includes(0)) return undefined
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(data)
  } catch {
    return undefined
  }
}

function download({ kind, id }: FileOwner, path: string, entry: FileEntry): Promise<void> {
  if (entry.kind === 'file') {
    return call(`${kind}.readFile`, [id, path]).then(
      (data) => saveFile(entry.name, new Blob([data as Uint8Array<ArrayBuffer>])),
      (error: unknown) => notifyError(path, error),
    )
  }
  const parts: Uint8Array<ArrayBuffer>[] = []
  return new Promise((resolve) => {
    open(`${kind}.download`, [id, path], {
      data(chunk) {
        parts.push(chunk as Uint8Array<ArrayBuffer>)
        return undefined
      },
      end(error) {
        if (error) notifyError(path, error)
        else saveFile(`${entry.name || 'root'}.tar`, new Blob(parts))
        resolve()
      },
    })
  })
}

async function chosenFiles(): Promise<DroppedFile[]> {
  return (await chooseFiles({ multiple: true })).map((file) => ({ path: file.name, file }))
}

/** Uploads files into a folder; resolves when they are there. */
async function uploadFiles(
  { kind, id }: FileOwner,
  path: string,
  files: readonly DroppedFile[],
): Promise<void> {
  const archive = tarFiles(
    files.map(({ path: name, file }) => ({ name, data: file, time: file.lastModified })),
  )
  const abort = new AbortController()
  await new Promise<void>((resolve, reject) => {
    const stream = open(`${kind}.upload`, [id, path], {
      data: () => undefined,
      end: (error) => (error ? reject(error) : resolve()),
    })
    feedBlob(archive, stream, abort.signal).then(() => stream.finish(), reject)
  })
}

interface EditorProps {
  owner: FileOwner
  path: string
  text: string
  mode: number
  onClose: () => void
  onSaved: () => void
}

function Editor({ owner: { kind, id }, path, text, mode, onClose, onSaved }: EditorProps) {
  const { t } = useI18n()
  const [value, setValue] = useState(text)
  const [pending, setPending] = useState(false)
  const [failure, setFailure] = useState<string | undefined>(undefined)
  const save = (): void => {
    setPending(true)
    call(`${kind}.writeFile`, [id, path, new TextEncoder().encode(value), mode & 0o7777]).then(
      () => {
        onSaved()
        onClose()
      },
      (error: unknown) => {
        setPending(false)
        setFailure(failureOf(error))
      },
    )
  }
  return (
    <Modal
      title={path}
      width={860}
      onClose={onClose}
      onSubmit={save}
      footer={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button kind="primary" type="submit" busy={pending} disabled={value === text}>
            {t('common.save')}
          </Button>
        </>
      }
    >
      {failure && <Notice tone="error">{failure}</Notice>}
      <div className="file-editor">
        <TextArea aria-label={path} value={value} onChange={(event) => setValue(event.target.value)} />
      </div>
    </Modal>
  )
}

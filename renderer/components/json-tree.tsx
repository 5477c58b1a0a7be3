import { ChevronRight, Copy } from 'lucide-react'
import { useMemo, useState } from 'react'
import { useI18n } from '../i18n.ts'
import { flattenJson, type JsonRow } from '../lib/json-rows.ts'
import { IconButton } from './button.tsx'
import { SearchInput } from './field.tsx'
import { copyText } from './toast.tsx'
import './json-tree.css'

/** A JSON value as a tree; searching shows what matches, with the way to it. */
export function JsonTree({ value }: { value: unknown }) {
  const { t } = useI18n()
  const [query, setQuery] = useState('')
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set())
  const rows = useMemo(() => flattenJson(value, { query, closed }), [value, query, closed])
  const toggle = (path: string): void =>
    setClosed((before) => {
      const next = new Set(before)
      if (!next.delete(path)) next.add(path)
      return next
    })
  return (
    <div className="json">
      <div className="log-bar">
        <SearchInput value={query} onChange={setQuery} placeholder={t('inspect.search')} />
        <span className="grow" />
        <IconButton
          icon={Copy}
          label={t('inspect.copy')}
          onClick={() => copyText(JSON.stringify(value, null, 2))}
        />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must be reachable by keyboard */}
      <section className="json-rows" tabIndex={0} aria-label={t('detail.inspect')}>
        {rows.length === 0 && <p className="muted">{t('inspect.noMatch')}</p>}
        {rows.map((row) => (
          <Row key={row.path} row={row} onToggle={() => toggle(row.path)} query={query} />
        ))}
      </section>
    </div>
  )
}

function Row({ row, onToggle, query }: { row: JsonRow; onToggle: () => void; query: string }) {
  const { t } = useI18n()
  return (
    <div className="json-row" style={{ paddingLeft: 16 + row.depth * 16 }}>
      {row.children > 0 ? (
        <button
          type="button"
          className="json-toggle"
          aria-expanded={row.open}
          aria-label={t('inspect.toggle', { name: row.name })}
          onClick={onToggle}
        >
          <ChevronRight size={12} aria-hidden />
        </button>
      ) : (
        <span className="json-toggle" />
      )}
      <span className="json-name">
        <Hit text={row.name} query={query} />
      </span>
      {row.text === undefined ? (
        <span className="faint">{row.children}</span>
      ) : (
        <span className={`json-value json-${row.type}`}>
          <Hit text={row.text} query={query} />
        </span>
      )}
      <button
        type="button"
        className="json-copy"
        onClick={() => copyText(row.copy)}
        aria-label={t('inspect.copyValue', { name: row.name })}
      >
        <Copy size={12} aria-hidden />
      </button>
    </div>
  )
}

function Hit({ text, query }: { text: string; query: string }) {
  const at = query === '' ? -1 : text.toLowerCase().indexOf(query.toLowerCase())
  if (at < 0) return text
  return (
    <>
      {text.slice(0, at)}
      <mark>{text.slice(at, at + query.length)}</mark>
      {text.slice(at + query.length)}
    </>
  )
}

import { useVirtualizer } from '@tanstack/react-virtual'
import { ArrowDown, ArrowUp, CaseSensitive, Clock, Download, Eraser, Regex, WrapText } from 'lucide-react'
import { memo, useEffect, useMemo, useReducer, useRef, useState } from 'react'
import { count } from '../format.ts'
import { useI18n } from '../i18n.ts'
import { parseAnsi, type Span, stripAnsi } from '../lib/ansi.ts'
import { type LogBuffer, type LogLine, LogSearch, levelOf, searchPattern } from '../lib/log-buffer.ts'
import { saveFile } from '../lib/save-file.ts'
import { Button, IconButton } from './button.tsx'
import { SearchInput } from './field.tsx'
import './log-view.css'

interface LogViewProps {
  buffer: LogBuffer
  /** Changes whenever the buffer does. */
  version: number
  /** Base of the saved file's name. */
  name: string
  /** Shown at the end of the lines: the source has ended, or why it failed. */
  footer?: string | undefined
  timestamps?: boolean
  onClear: () => void
}

const LINE = 19

/** A log of up to 50,000 lines: follows its end until scrolled away from it. */
export function LogView({
  buffer,
  version,
  name,
  footer,
  timestamps: canTime = true,
  onClear,
}: LogViewProps) {
  const { t, locale } = useI18n()
  const [wrap, toggleWrap] = useReducer((on: boolean) => !on, true)
  const [times, toggleTimes] = useReducer((on: boolean) => !on, false)
  const [query, setQuery] = useState('')
  const [regex, toggleRegex] = useReducer((on: boolean) => !on, false)
  const [caseSensitive, toggleCase] = useReducer((on: boolean) => !on, false)
  const [current, setCurrent] = useState(0)
  const [follow, setFollow] = useState(true)
  const scroller = useRef<HTMLDivElement>(null)
  const lastTop = useRef(0)

  const pattern = useMemo(
    () => (query === '' ? undefined : searchPattern(query, { regex, caseSensitive })),
    [query, regex, caseSensitive],
  )
  const search = useMemo(() => pattern && new LogSearch(pattern), [pattern])
  // biome-ignore lint/correctness/useExhaustiveDependencies: version stands for the buffer's content
  const matches = useMemo(() => search?.update(buffer) ?? [], [search, buffer, version])
  const first = buffer.at(0)?.number ?? 0
  const currentLine = matches[Math.min(current, matches.length - 1)]

  const virtual = useVirtualizer({
    count: buffer.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => LINE,
    overscan: 24,
    paddingStart: 8,
    paddingEnd: 8,
  })
  // biome-ignore lint/correctness/useExhaustiveDependencies: new content or another layout moves the end
  useEffect(() => {
    if (follow && buffer.length > 0) virtual.scrollToIndex(buffer.length - 1, { align: 'end' })
  }, [version, follow, wrap, times])

  // New lines move the end away before their own scrolling is seen: only going up stops following.
  const onScroll = (): void => {
    const box = scroller.current
    if (!box) return
    const up = box.scrollTop < lastTop.current
    lastTop.current = box.scrollTop
    if (box.scrollHeight - box.scrollTop - box.clientHeight < 40) setFollow(true)
    else if (up) setFollow(false)
  }
  const step = (by: number): void => {
    if (matches.length === 0) return
    const next = (Math.min(current, matches.length - 1) + by + matches.length) % matches.length
    setCurrent(next)
    setFollow(false)
    virtual.scrollToIndex((matches[next] ?? 0) - first, { align: 'center' })
  }
  const save = (): void => {
    const text = [...buffer.lines()]
      .map((line) => (times ? `${line.time} ` : '') + stripAnsi(line.text))
      .join('\n')
    saveFile(`${name}.log`, new Blob([text, '\n'], { type: 'text/plain' }))
  }

  return (
    <div className="log">
      <div className="log-bar">
        <SearchInput
          value={query}
          onChange={(value) => {
            setQuery(value)
            setCurrent(0)
          }}
          placeholder={t('logs.search')}
          onKeyDown={(event) => event.key === 'Enter' && step(event.shiftKey ? -1 : 1)}
        />
        <IconButton
          icon={CaseSensitive}
          label={t('logs.caseSensitive')}
          pressed={caseSensitive}
          onClick={toggleCase}
        />
        <IconButton icon={Regex} label={t('logs.regex')} pressed={regex} onClick={toggleRegex} />
        {query !== '' && (
          <span className="row log-matches num" aria-live="polite">
            {pattern === undefined
              ? t('logs.badRegex')
              : matches.length === 0
                ? t('logs.noMatch')
                : t('logs.matches', {
                    current: count(Math.min(current, matches.length - 1) + 1, locale),
                    total: count(matches.length, locale),
                  })}
            <IconButton
              icon={ArrowUp}
              label={t('logs.previous')}
              shortcut="Shift+Enter"
              onClick={() => step(-1)}
            />
            <IconButton icon={ArrowDown} label={t('logs.next')} shortcut="Enter" onClick={() => step(1)} />
          </span>
        )}
        <span className="grow" />
        {canTime && (
          <IconButton icon={Clock} label={t('logs.timestamps')} pressed={times} onClick={toggleTimes} />
        )}
        <IconButton icon={WrapText} label={t('logs.wrap')} pressed={wrap} onClick={toggleWrap} />
        <IconButton icon={Eraser} label={t('logs.clear')} onClick={onClear} />
        <IconButton icon={Download} label={t('logs.save')} onClick={save} />
      </div>
      <div
        className="log-scroll"
        ref={scroller}
        onScroll={onScroll}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must be reachable by keyboard
        tabIndex={0}
        role="log"
        aria-label={t('logs.title')}
      >
        <div className="log-sizer" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((row) => {
            const line = buffer.at(row.index)
            if (!line) return null
            return (
              <div
                key={line.number}
                data-index={row.index}
                ref={wrap ? virtual.measureElement : undefined}
                className="log-row"
                style={{ transform: `translateY(${row.start}px)` }}
              >
                <Line
                  line={line}
                  wrap={wrap}
                  times={times}
                  pattern={pattern}
                  current={line.number === currentLine}
                />
              </div>
            )
          })}
        </div>
        {footer !== undefined && <div className="log-footer">{footer}</div>}
      </div>
      {!follow && (
        <div className="log-follow">
          <Button icon={ArrowDown} onClick={() => setFollow(true)}>
            {t('logs.follow')}
          </Button>
        </div>
      )}
    </div>
  )
}

interface LineProps {
  line: LogLine
  wrap: boolean
  times: boolean
  pattern: RegExp | undefined
  current: boolean
}

const Line = memo(function Line({ line, wrap, times, pattern, current }: LineProps) {
  const level = levelOf(line.text)
  return (
    <div
      className={`log-line${wrap ? ' log-wrap' : ''}${level ? ` log-${level}` : ''}${current ? ' log-current' : ''}`}
      data-stream={line.stream}
    >
      {times && <span className="log-time">{line.time.slice(11, 23).padEnd(12)}</span>}
      <span className="log-text">
        {pattern ? <Marked text={stripAnsi(line.text)} pattern={pattern} /> : <Styled text={line.text} />}
      </span>
    </div>
  )
})

function Styled({ text }: { text: string }) {
  const spans = parseAnsi(text)
  if (spans.length === 1 && spans[0]?.color === undefined) return spans[0]?.text
  return spans.map((span, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: spans of one line never move
    <span key={index} className={spanClass(span)} style={spanStyle(span)}>
      {span.text}
    </span>
  ))
}

function spanClass(span: Span): string {
  const names = [
    typeof span.color === 'number' && `ansi-${span.color}`,
    typeof span.background === 'number' && `ansi-bg-${span.background}`,
    span.bold && 'ansi-bold',
    span.dim && 'ansi-dim',
    span.italic && 'ansi-italic',
    span.underline && 'ansi-underline',
  ]
  return names.filter(Boolean).join(' ')
}

function spanStyle(span: Span): { color?: string; backgroundColor?: string } {
  return {
    ...(typeof span.color === 'string' && { color: span.color }),
    ...(typeof span.background === 'string' && { backgroundColor: span.background }),
  }
}

function Marked({ text, pattern }: { text: string; pattern: RegExp }) {
  const parts = []
  let last = 0
  for (const match of text.matchAll(pattern)) {
    if (match[0] === '') continue
    parts.push(text.slice(last, match.index), <mark key={match.index}>{match[0]}</mark>)
    last = match.index + match[0].length
  }
  parts.push(text.slice(last))
  return parts
}

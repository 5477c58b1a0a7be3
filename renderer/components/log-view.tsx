import { ArrowDown, ArrowUp, CaseSensitive, Clock, Download, Eraser, Regex, WrapText } from 'lucide-react'
import {
  memo,
  type RefObject,
  useEffect,
  useLayoutEffect,
  useMemo,
  useReducer,
  useRef,
  useState,
} from 'react'
import { count } from '../format.ts'
import { useI18n } from '../i18n.ts'
import { parseAnsi, type Span, stripAnsi } from '../lib/ansi.ts'
import { LineWindow } from '../lib/line-window.ts'
import { type LogBuffer, type LogLine, levelOf, searchPattern } from '../lib/log-buffer.ts'
import { saveFile } from '../lib/save-file.ts'
import { Button, IconButton } from './button.tsx'
import { SearchInput } from './field.tsx'
import { useLogSearch } from './use-log-search.ts'
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

/** Height of one row of text, and the space above the first: as in the style sheet. */
const LINE = 19
const PADDING = 8
/** Rows drawn above and below what is seen. */
const OVERSCAN = 12

/** A log of up to 50,000 lines: follows its end until scrolled away from it. */
export function LogView({
  buffer,
  version,
  name,
  footer,
  timestamps: canTime = true,
  onClear,
}: LogViewProps) {
  const { t } = useI18n()
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
  const { matches, done } = useLogSearch(buffer, version, pattern)
  const at = Math.min(current, matches.length - 1)
  const first = buffer.at(0)?.number ?? 0
  const view = useLines(scroller, buffer, { wrap, times, follow })
  // biome-ignore lint/correctness/useExhaustiveDependencies: new content or another layout moves the end
  useLayoutEffect(() => {
    const box = scroller.current
    if (follow && box) box.scrollTop = box.scrollHeight
  }, [version, follow, view.rows])

  // New lines move the end away before their own scrolling is seen: only going up stops following.
  const onScroll = (): void => {
    const box = scroller.current
    if (!box) return
    const up = box.scrollTop < lastTop.current
    lastTop.current = box.scrollTop
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 40
    if (atEnd || (follow && !up)) {
      // Its own scrolling to the end is no reason to draw again: in a flood that would be one drawing per frame.
      setFollow(true)
      return
    }
    setFollow(false)
    view.scrolled(box.scrollTop)
  }
  const step = (by: number): void => {
    const box = scroller.current
    if (matches.length === 0 || !box) return
    const next = (at + by + matches.length) % matches.length
    setCurrent(next)
    setFollow(false)
    const top = PADDING + view.top((matches[next] ?? 0) - first) * LINE
    box.scrollTop = top - box.clientHeight / 2
    lastTop.current = box.scrollTop
    view.scrolled(box.scrollTop)
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
          <MatchCount
            valid={pattern !== undefined}
            current={at}
            total={matches.length}
            done={done}
            onStep={step}
          />
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
        <div className="log-sizer" style={{ height: view.rows * LINE + 2 * PADDING }}>
          <div
            className={wrap ? 'log-window log-window-wrap' : 'log-window'}
            style={{ transform: `translateY(${PADDING + view.offset * LINE}px)` }}
          >
            {view.lines.map((line) => (
              <Line
                key={line.number - view.base}
                line={line}
                wrap={wrap}
                times={times}
                pattern={pattern}
                current={line.number === matches[at]}
              />
            ))}
          </div>
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

interface MatchCountProps {
  valid: boolean
  current: number
  total: number
  /** Every line was looked at. */
  done: boolean
  onStep: (by: number) => void
}

function MatchCount({ valid, current, total, done, onStep }: MatchCountProps) {
  const { t, locale } = useI18n()
  const text = !valid
    ? t('logs.badRegex')
    : total > 0
      ? t('logs.matches', { current: count(current + 1, locale), total: count(total, locale) })
      : done
        ? t('logs.noMatch')
        : ''
  return (
    <span className="row log-matches num" aria-live="polite" aria-busy={!done}>
      {text}
      <IconButton
        icon={ArrowUp}
        label={t('logs.previous')}
        shortcut="Shift+Enter"
        onClick={() => onStep(-1)}
      />
      <IconButton icon={ArrowDown} label={t('logs.next')} shortcut="Enter" onClick={() => onStep(1)} />
    </span>
  )
}

/** Width of what stands beside a line's text: padding and level bar, and the time with its gap. */
const ASIDE = 40
const TIME_COLUMNS = 12
const TIME_GAP = 12

/** Which lines are on screen, and where. The end comes first while following, without waiting for a scroll. */
function useLines(
  scroller: RefObject<HTMLDivElement | null>,
  buffer: LogBuffer,
  { wrap, times, follow }: { wrap: boolean; times: boolean; follow: boolean },
) {
  const [box, setBox] = useState({ width: 800, height: 600, letter: 7.2 })
  const [row, setRow] = useState(0)
  const sizes = useRef(new LineWindow())
  useEffect(() => {
    const element = scroller.current
    if (!element) return
    const observer = new ResizeObserver(() =>
      setBox({ width: element.clientWidth, height: element.clientHeight, letter: letterWidth(element) }),
    )
    observer.observe(element)
    return () => observer.disconnect()
  }, [scroller])
  const aside = ASIDE + (times ? TIME_COLUMNS * box.letter + TIME_GAP : 0)
  const columns = wrap ? Math.max(10, Math.floor((box.width - aside) / box.letter)) : undefined
  sizes.current.update(buffer, columns)
  const { rows } = sizes.current
  const shown = Math.ceil(box.height / LINE)
  const top = follow ? rows - shown : row
  const from = sizes.current.lineAt(Math.max(0, top - OVERSCAN))
  const to = Math.min(buffer.length, sizes.current.lineAt(Math.max(0, top + shown + OVERSCAN)) + 1)
  const lines: LogLine[] = []
  for (let index = from; index < to; index++) {
    const line = buffer.at(index)
    if (line) lines.push(line)
  }
  return {
    rows,
    lines,
    base: useKeyBase(lines[0]?.number ?? 0, lines.at(-1)?.number ?? 0),
    offset: sizes.current.top(from),
    top: (index: number): number => sizes.current.top(index),
    scrolled: (pixels: number): void => setRow(Math.floor(pixels / LINE)),
  }
}

/**
 * What is taken off line numbers to make keys. Lines that stay on screen keep their elements; where none stays, as in a
 * flood, the keys begin again where they began before, so that the elements are filled anew instead of made anew.
 */
function useKeyBase(first: number, last: number): number {
  const before = useRef({ first, last, base: first })
  return useMemo(() => {
    const { first: oldFirst, last: oldLast, base } = before.current
    const jumped = first > oldLast || last < oldFirst
    before.current = { first, last, base: jumped ? first - (oldFirst - base) : base }
    return before.current.base
  }, [first, last])
}

/** Width of one letter of the log's font. */
function letterWidth(element: HTMLElement): number {
  const probe = document.createElement('span')
  probe.className = 'log-probe'
  probe.textContent = '0'.repeat(100)
  element.append(probe)
  const { width } = probe.getBoundingClientRect()
  probe.remove()
  return width > 0 ? width / 100 : 7.2
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
      {times && (
        <span className="log-time" title={line.time}>
          {clockOf(line.time)}
        </span>
      )}
      <span className="log-text">
        {pattern ? <Marked text={stripAnsi(line.text)} pattern={pattern} /> : <Styled text={line.text} />}
      </span>
    </div>
  )
})

/** The time of day here, to the millisecond; always as wide. */
function clockOf(time: string): string {
  if (time === '') return ''.padEnd(TIME_COLUMNS)
  const at = new Date(time)
  const two = (value: number): string => String(value).padStart(2, '0')
  const milliseconds = String(at.getMilliseconds()).padStart(3, '0')
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${milliseconds}`
}

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

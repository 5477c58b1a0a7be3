import { FitAddon } from '@xterm/addon-fit'
import { type ISearchDecorationOptions, SearchAddon } from '@xterm/addon-search'
import { WebLinksAddon } from '@xterm/addon-web-links'
import { WebglAddon } from '@xterm/addon-webgl'
import { type ITheme, Terminal as Xterm } from '@xterm/xterm'
import '@xterm/xterm/css/xterm.css'
import { ClipboardPaste, Copy, Eraser, Search, TextSelect } from 'lucide-react'
import { type MouseEvent, useEffect, useRef } from 'react'
import type { TerminalInput, TerminalTarget } from '../../app/contract.ts'
import { call, open } from '../api.ts'
import type { OpenStream } from '../bridge.ts'
import { errorText } from '../errors.ts'
import { t } from '../i18n.ts'
import { session } from '../session.ts'
import { findIn, SHELL, setTerminalState, type TerminalTab, terminals } from '../terminals.ts'
import { isMod, MAC } from './keys.tsx'
import { openMenu } from './menu.tsx'
import { copyText, notifyError } from './toast.tsx'
import './terminal.css'

/** Output taken but not yet drawn that may run ahead before the source is held back. */
const AHEAD = 64 * 1024

interface View {
  readonly element: HTMLDivElement
  readonly xterm: Xterm
  readonly fit: FitAddon
  readonly search: SearchAddon
  stream: OpenStream<TerminalInput> | undefined
  started: boolean
  typed: boolean
}

const views = new Map<string, View>()

terminals.subscribe(() => {
  const alive = new Set(terminals.get().tabs.map((tab) => tab.id))
  for (const [id, view] of views) {
    if (alive.has(id)) continue
    views.delete(id)
    view.stream?.close()
    view.xterm.dispose()
    view.element.remove()
  }
})
session.subscribe(() => {
  for (const view of views.values()) Object.assign(view.xterm.options, look())
})
new MutationObserver(() => {
  for (const view of views.values()) view.xterm.options.theme = theme()
}).observe(document.documentElement, { attributeFilter: ['data-theme'] })

function look(): { fontSize: number; fontFamily: string } {
  const { settings } = session.get()
  const own = getComputedStyle(document.documentElement).getPropertyValue('--mono')
  const chosen = settings?.terminalFontFamily
  return { fontSize: settings?.terminalFontSize ?? 13, fontFamily: chosen ? `${chosen}, ${own}` : own }
}

function theme(): ITheme {
  const dark = document.documentElement.dataset['theme'] === 'dark'
  return dark
    ? {
        background: '#131416',
        foreground: '#e6e7e9',
        cursor: '#84b3ff',
        cursorAccent: '#131416',
        selectionBackground: '#2f4f86',
        black: '#2b2c31',
        red: '#ff8f8c',
        green: '#5ccb8b',
        yellow: '#e3b341',
        blue: '#84b3ff',
        magenta: '#d6a0f0',
        cyan: '#66c9d8',
        white: '#d5d6d9',
        brightBlack: '#8d8f97',
        brightRed: '#ffaeab',
        brightGreen: '#86dcaa',
        brightYellow: '#f0cd74',
        brightBlue: '#aeccff',
        brightMagenta: '#e6c4f7',
        brightCyan: '#98dee8',
        brightWhite: '#ffffff',
      }
    : {
        background: '#f8f8f7',
        foreground: '#1b1c1f',
        cursor: '#1f5fbf',
        cursorAccent: '#f8f8f7',
        selectionBackground: '#bcd6ff',
        black: '#1b1c1f',
        red: '#b9272d',
        green: '#1a7f46',
        yellow: '#8f5a00',
        blue: '#1f5fbf',
        magenta: '#8a3fb0',
        cyan: '#0b7285',
        white: '#5b5d63',
        brightBlack: '#6c6d73',
        brightRed: '#d12b33',
        brightGreen: '#207d4c',
        brightYellow: '#95640f',
        brightBlue: '#226ad5',
        brightMagenta: '#9a47ca',
        brightCyan: '#10798c',
        brightWhite: '#3b3f46',
      }
}

function createView(owner: string): View {
  const element = document.createElement('div')
  element.className = 'terminal-screen'
  const xterm = new Xterm({
    ...look(),
    theme: theme(),
    scrollback: 10_000,
    cursorBlink: true,
    lineHeight: 1.15,
    // Programs choose colours for a dark screen.
    minimumContrastRatio: 4.5,
    macOptionIsMeta: true,
    allowProposedApi: true,
    screenReaderMode: false,
  })
  const fit = new FitAddon()
  const search = new SearchAddon()
  xterm.loadAddon(fit)
  xterm.loadAddon(search)
  xterm.loadAddon(
    new WebLinksAddon((_event, url) => {
      call('app.openExternal', [url]).catch((error: unknown) => notifyError(url, error))
    }),
  )
  xterm.attachCustomKeyEventHandler((event) => !takeKey(xterm, event, owner))
  return { element, xterm, fit, search, stream: undefined, started: false, typed: false }
}

/** Keys with Ctrl+Shift (⌘ on a Mac), since Ctrl alone belongs to the program. True when taken. */
function takeKey(xterm: Xterm, event: KeyboardEvent, owner: string): boolean {
  if (event.type !== 'keydown' || !isMod(event) || event.shiftKey === MAC) return false
  if (event.code === 'KeyC' && xterm.hasSelection()) copyText(xterm.getSelection())
  else if (event.code === 'KeyF') findIn(owner, true)
  // The browser's own paste event follows; xterm takes it from there.
  else return event.code === 'KeyV'
  event.preventDefault()
  return true
}

/** What a right click offers; Electron has no menu of its own here. */
function showMenu(event: MouseEvent, xterm: Xterm, owner: string): void {
  event.preventDefault()
  const keys = MAC ? 'Mod' : 'Mod+Shift'
  const paste = (): void => {
    navigator.clipboard.readText().then(
      (text) => xterm.paste(text),
      (error: unknown) => notifyError(t('terminal.pasteFailed'), error),
    )
  }
  openMenu(
    [
      {
        label: t('common.copy'),
        icon: Copy,
        shortcut: `${keys}+C`,
        disabled: !xterm.hasSelection(),
        run: () => copyText(xterm.getSelection()),
      },
      { label: t('common.paste'), icon: ClipboardPaste, shortcut: `${keys}+V`, run: paste },
      { label: t('common.selectAll'), icon: TextSelect, run: () => xterm.selectAll() },
      'separator',
      { label: t('terminal.search'), icon: Search, shortcut: `${keys}+F`, run: () => findIn(owner, true) },
      { label: t('terminal.clear'), icon: Eraser, run: () => xterm.clear() },
    ],
    { x: event.clientX, y: event.clientY },
  )
}

/** Opens on screen first, so that the program's first byte already meets the real size. */
function start(tab: TerminalTab, view: View): void {
  view.started = true
  const { xterm } = view
  const size = { rows: xterm.rows, columns: xterm.cols }
  let ahead = 0
  const stream = open('containers.terminal', [{ ...tab.target, size } as TerminalTarget], {
    data(chunk) {
      ahead += chunk.byteLength
      const drawn = new Promise<void>((resolve) => {
        xterm.write(chunk, () => {
          ahead -= chunk.byteLength
          resolve()
        })
      })
      return ahead > AHEAD ? drawn : undefined
    },
    end(error) {
      view.stream = undefined
      const text = error ? errorText(error) : t('terminal.ended')
      xterm.write(`\r\n\x1b[2m${error ? '\x1b[31m' : ''}${text.replaceAll('\n', '\r\n')}\x1b[0m\r\n`)
      const unused = !view.typed && tab.target.kind === 'exec' && tab.target.command === SHELL
      setTerminalState(tab.id, error || unused ? 'failed' : 'ended')
    },
  })
  view.stream = stream
  const send = (input: TerminalInput): void => {
    if (view.stream) view.stream.send(input).catch(() => view.stream?.close())
  }
  const encoder = new TextEncoder()
  xterm.onData((data) => {
    view.typed = true
    send({ type: 'data', data: encoder.encode(data) })
  })
  xterm.onBinary((data) => send({ type: 'data', data: Uint8Array.from(data, (char) => char.charCodeAt(0)) }))
  xterm.onResize(({ rows, cols }) => send({ type: 'resize', size: { rows, columns: cols } }))
}

/** Which hit is shown, of how many. */
export interface Hits {
  /** From 0; -1 where there are more hits than are counted. */
  index: number
  count: number
}

/** How hits look; the addon takes hexadecimal colours only. */
function marks(): ISearchDecorationOptions {
  const dark = document.documentElement.dataset['theme'] === 'dark'
  return {
    matchBackground: dark ? '#5c4a14' : '#ffe9a8',
    matchOverviewRuler: dark ? '#7a5f12' : '#e0b93c',
    activeMatchBackground: dark ? '#a87d10' : '#ffc53d',
    activeMatchColorOverviewRuler: dark ? '#e3b341' : '#b87b12',
  }
}

/** Shows a hit in a tab's scrollback: the nearest one while the text is typed, then the next or the one before it. */
export function findInTerminal(id: string, text: string, go: 'nearest' | 'next' | 'back'): void {
  const view = views.get(id)
  if (!view) return
  // The newest line is at the bottom: that is where looking begins.
  if (go === 'nearest') view.xterm.clearSelection()
  if (text === '') view.search.clearDecorations()
  else if (go === 'next') view.search.findNext(text, { decorations: marks() })
  else view.search.findPrevious(text, { decorations: marks() })
}

/** Tells the hits of a tab's search as they change; call the result to end the search. */
export function watchHits(id: string, tell: (hits: Hits) => void): () => void {
  const view = views.get(id)
  const watch = view?.search.onDidChangeResults(({ resultIndex, resultCount }) =>
    tell({ index: resultIndex, count: resultCount }),
  )
  return () => {
    watch?.dispose()
    view?.search.clearDecorations()
  }
}

export function focusTerminal(id: string): void {
  views.get(id)?.xterm.focus()
}

/** Shows one tab. The screen itself outlives this component, with its scrollback. */
export function Terminal({ tab }: { tab: TerminalTab }) {
  const host = useRef<HTMLElement>(null)
  // biome-ignore lint/correctness/useExhaustiveDependencies: a tab's target never changes
  useEffect(() => {
    const box = host.current
    if (!box) return
    const view = views.get(tab.id) ?? createView(tab.owner)
    views.set(tab.id, view)
    box.append(view.element)
    if (!view.started) {
      view.xterm.open(view.element)
      addWebgl(view.xterm)
    }
    const resize = (): void => {
      if (box.clientWidth > 0 && box.clientHeight > 0) view.fit.fit()
    }
    resize()
    if (!view.started) start(tab, view)
    const observer = new ResizeObserver(resize)
    observer.observe(box)
    view.xterm.focus()
    return () => {
      observer.disconnect()
      view.element.remove()
    }
  }, [tab.id])
  return (
    <section
      className="terminal"
      aria-label={tab.title}
      ref={host}
      onContextMenu={(event) => {
        const xterm = views.get(tab.id)?.xterm
        if (xterm) showMenu(event, xterm, tab.owner)
      }}
    />
  )
}

/** WebGL that the processor computes: slower than the DOM. */
const SOFTWARE = /swiftshader|llvmpipe|softpipe|basic render/i

/** The fast renderer where a GPU gives one; without it, or when it is lost, xterm draws with the DOM. */
function addWebgl(xterm: Xterm): void {
  const probe = document.createElement('canvas').getContext('webgl2')
  if (!probe) return
  const info = probe.getExtension('WEBGL_debug_renderer_info')
  const device = String(info && probe.getParameter(info.UNMASKED_RENDERER_WEBGL))
  probe.getExtension('WEBGL_lose_context')?.loseContext()
  if (SOFTWARE.test(device)) return
  const webgl = new WebglAddon()
  webgl.onContextLoss(() => webgl.dispose())
  xterm.loadAddon(webgl)
}

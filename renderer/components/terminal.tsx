import { FitAddon } from '@xterm/addon-fit'
import { SearchAddon } from '@xterm/addon-search'
import { WebLinksAddon } from '@xterm/addon-web-links'
import { WebglAddon } from '@xterm/addon-webgl'
import { type ITheme, Terminal as Xterm } from '@xterm/xterm'
import '@xterm/xterm/css/xterm.css'
import { useEffect, useRef } from 'react'
import type { TerminalInput, TerminalTarget } from '../../app/contract.ts'
import { messageOf } from '../../vm/api/errors.ts'
import { call, open } from '../api.ts'
import type { OpenStream } from '../bridge.ts'
import { t } from '../i18n.ts'
import { session } from '../session.ts'
import { setTerminalState, type TerminalTab, terminals } from '../terminals.ts'
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
        brightBlack: '#6e7076',
        brightRed: '#d8434a',
        brightGreen: '#1f8a50',
        brightYellow: '#a06a08',
        brightBlue: '#3d7fe0',
        brightMagenta: '#a55bd0',
        brightCyan: '#128ba1',
        brightWhite: '#3b3f46',
      }
}

function createView(): View {
  const element = document.createElement('div')
  element.className = 'terminal-screen'
  const xterm = new Xterm({
    ...look(),
    theme: theme(),
    scrollback: 10_000,
    cursorBlink: true,
    lineHeight: 1.15,
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
  xterm.attachCustomKeyEventHandler((event) => !takeKey(xterm, event))
  return { element, xterm, fit, search, stream: undefined, started: false }
}

/** Copy and paste with Ctrl+Shift, since Ctrl+C and Ctrl+V belong to the program. True when taken. */
function takeKey(xterm: Xterm, event: KeyboardEvent): boolean {
  if (event.type !== 'keydown' || !event.ctrlKey || !event.shiftKey) return false
  if (event.code === 'KeyC' && xterm.hasSelection()) {
    copyText(xterm.getSelection())
    event.preventDefault()
    return true
  }
  // The browser's own paste event follows; xterm takes it from there.
  return event.code === 'KeyV'
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
      const text = error ? messageOf(error) : t('terminal.ended')
      xterm.write(`\r\n\x1b[2m${error ? '\x1b[31m' : ''}${text.replaceAll('\n', '\r\n')}\x1b[0m\r\n`)
      setTerminalState(tab.id, error ? 'failed' : 'ended')
    },
  })
  view.stream = stream
  const send = (input: TerminalInput): void => {
    if (view.stream) view.stream.send(input).catch(() => view.stream?.close())
  }
  const encoder = new TextEncoder()
  xterm.onData((data) => send({ type: 'data', data: encoder.encode(data) }))
  xterm.onBinary((data) => send({ type: 'data', data: Uint8Array.from(data, (char) => char.charCodeAt(0)) }))
  xterm.onResize(({ rows, cols }) => send({ type: 'resize', size: { rows, columns: cols } }))
}

/** Finds text in a tab's scrollback; the next hit, or the one before it. */
export function findInTerminal(id: string, text: string, back: boolean): void {
  const search = views.get(id)?.search
  if (back) search?.findPrevious(text)
  else search?.findNext(text)
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
    const view = views.get(tab.id) ?? createView()
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
  return <section className="terminal" aria-label={tab.title} ref={host} />
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

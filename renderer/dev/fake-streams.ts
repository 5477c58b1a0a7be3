import type { OpenStream, StreamHandlers } from '../bridge.ts'
import { hex } from './seed.ts'

export type Handlers = StreamHandlers<unknown>
/** Does something again and again until the stream is closed. */
export type Every = (ms: number, run: () => void) => void

/** A service that writes `rate` lines a second, some of them in colours. */
export function fakeLogs(handlers: Handlers, every: Every, rate: number): void {
  const encoder = new TextEncoder()
  const line = (index: number): string => {
    const texts = [
      `172.18.0.1 - - "GET /api/orders?page=${index} HTTP/1.1" 200 ${512 + (index % 900)}`,
      `\x1b[36minfo\x1b[0m: order \x1b[1m#${index}\x1b[0m accepted in ${index % 90} ms`,
      `WARN slow query: SELECT * FROM orders WHERE id = ${index} took 812 ms`,
      `ERROR could not reach payment service: connection refused (attempt ${index % 5})`,
      'DEBUG cache hit for key user:42',
    ]
    return `${new Date().toISOString().replace('Z', '000000Z')} ${texts[[0, 0, 1, 0, 2, 1, 0, 4, 0, 3][index % 10] ?? 0]}\n`
  }
  let next = 0
  const send = (count: number): void => {
    let text = ''
    for (let i = 0; i < count; i++) text += line(next++)
    void handlers.data({ stream: 'stdout', data: encoder.encode(text) })
  }
  setTimeout(() => send(60), 20)
  every(rate > 20 ? 16 : 1000, () => send(Math.max(1, Math.round(rate * (rate > 20 ? 0.016 : 1)))))
}

/** A shell that echoes; Ctrl+Y floods it, Ctrl+C ends the flood. */
export function fakeTerminal(handlers: Handlers): OpenStream<unknown> {
  const encoder = new TextEncoder()
  const print = (text: string): void => void handlers.data(encoder.encode(text))
  const prompt = '\x1b[1;32mroot@web\x1b[0m:\x1b[1;34m/\x1b[0m# '
  setTimeout(
    () =>
      print(
        `${prompt}ls --color\r\n\x1b[1;34mbin\x1b[0m  \x1b[1;34metc\x1b[0m  \x1b[1;34mhome\x1b[0m  \x1b[1;36mlib\x1b[0m  \x1b[1;34mvar\x1b[0m  \x1b[1;32mrun.sh\x1b[0m\r\n${prompt}echo 안녕하세요\r\n안녕하세요\r\n${prompt}`,
      ),
    30,
  )
  let flood: ReturnType<typeof setInterval> | undefined
  return {
    async send(input) {
      const message = input as { type: string; data?: Uint8Array }
      if (!message.data) return
      const text = new TextDecoder().decode(message.data)
      if (text === '\x03') {
        clearInterval(flood)
        print(`^C\r\n${prompt}`)
      } else if (text === '\x19') flood = setInterval(() => print('y\r\n'.repeat(4000)), 16)
      else print(text === '\r' ? `\r\n${prompt}` : text)
    },
    finish: () => undefined,
    close: () => clearInterval(flood),
  }
}

/** A pull of four layers, one of which never begins. */
export function fakePull(name: string, handlers: Handlers, every: Every): void {
  const layers = [31e6, 74e6, 12e6, 5e5].map((total, index) => ({
    id: hex(`${name}${index}`, 12),
    total,
    current: 0,
  }))
  void handlers.data({ status: `Pulling from library/${name}`, id: 'latest' })
  for (const layer of layers)
    void handlers.data({ status: 'Pulling fs layer', id: layer.id, progressDetail: {} })
  every(100, () => {
    for (const layer of layers.slice(0, 3)) {
      if (layer.current >= layer.total) continue
      layer.current = Math.min(layer.total, layer.current + 2e6)
      const done = layer.current >= layer.total
      void handlers.data({
        status: done ? 'Pull complete' : 'Downloading',
        id: layer.id,
        progressDetail: done ? {} : { current: layer.current, total: layer.total },
      })
    }
    if (layers.slice(0, 3).every((layer) => layer.current >= layer.total)) handlers.end()
  })
}

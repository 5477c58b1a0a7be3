import type { ServerResponse } from 'node:http'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { EventMessage } from '../../vm/api/system.ts'
import { EngineFixture } from './engine-fixture.ts'
import { type WatchedEvent, watchEvents } from './events.ts'
import { EngineHttp } from './http.ts'

let engine: EngineFixture
let http: EngineHttp
beforeEach(async () => {
  engine = await EngineFixture.create()
  http = new EngineHttp(engine.dial)
})
afterEach(async () => {
  http[Symbol.dispose]()
  await engine[Symbol.asyncDispose]()
})

const event = (time: number, id: string): EventMessage => ({
  Type: 'container',
  Action: 'start',
  Actor: { ID: id, Attributes: {} },
  scope: 'local',
  time,
  timeNano: time * 1e9,
})
const names = (events: WatchedEvent[]): string[] =>
  events.map((entry) => ('resync' in entry ? 'resync' : entry.Actor.ID))

test('resumes after a break from the last second on, tells nothing twice, and says that it did', async () => {
  const rounds: ((response: ServerResponse, url: string) => void)[] = [
    (response) => {
      response.write(`${JSON.stringify(event(5, 'a'))}\n${JSON.stringify(event(6, 'b'))}\n`)
      setTimeout(() => response.destroy(), 10)
    },
    (response) => response.destroy(),
    (response, url) => {
      expect(url).toBe('/events?since=6')
      response.write(`${JSON.stringify(event(6, 'b'))}\n${JSON.stringify(event(6, 'c'))}\n`)
    },
  ]
  engine.server.on('request', (request, response) => rounds.shift()?.(response, request.url ?? ''))
  const abort = new AbortController()
  const seen: WatchedEvent[] = []
  const options = { signal: abort.signal, ready: async () => undefined, backoff: [1, 2] as const }
  for await (const entry of watchEvents(http, options)) {
    seen.push(entry)
    if (names(seen).includes('c')) abort.abort()
  }
  expect(names(seen)).toEqual(['a', 'b', 'resync', 'c'])
})

test('waits for readiness instead of knocking, and ends with the signal', async () => {
  const abort = new AbortController()
  const ready = (signal: AbortSignal): Promise<void> =>
    new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  setTimeout(() => abort.abort(), 30)
  for await (const _ of watchEvents(http, { signal: abort.signal, ready })) expect.unreachable()
  expect(engine.dials).toBe(0)
})

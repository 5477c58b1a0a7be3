import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { ContainerSummary } from '../../vm/api/containers.ts'
import type { EventMessage } from '../../vm/api/system.ts'
import type { MachineState, MachineStateName } from '../machine/state.ts'
import { NewsDesk } from './notifications.ts'
import { textsFor } from './texts.ts'
import { drawTrayIcon } from './tray-icon.ts'
import { engineItems, type MenuActions, trayMenu } from './tray-menu.ts'
import { loadWindowState, saveWindowState } from './window-state.ts'

const texts = textsFor('en', 'ko-KR')
const done: string[] = []
const actions = new Proxy({} as MenuActions, {
  get: (_target, name) => (argument?: string) => done.push(`${String(name)} ${argument ?? ''}`.trim()),
})
const facts = { accelerator: 'tcg', pid: 1, startedAt: 0 } as const
const states: MachineState[] = [
  { state: 'stopped' },
  { state: 'starting', step: 'disk', since: 0 },
  { state: 'running', ...facts },
  { state: 'degraded', problems: [], ...facts },
  { state: 'stopping' },
  { state: 'failed', error: 'QEMU ended' },
]

test('start, stop and restart are offered as the state allows them', () => {
  const offered = states.map((state) =>
    engineItems(state, texts, actions)
      .filter(({ enabled }) => enabled)
      .map(({ id }) => id),
  )
  expect(offered).toEqual([
    ['engine-start'],
    ['engine-stop'],
    ['engine-stop', 'engine-restart'],
    ['engine-stop', 'engine-restart'],
    [],
    ['engine-start'],
  ])
})

test('every running container has its ports, terminal, restart and stop', () => {
  const container = {
    Id: 'c1',
    Names: ['/web'],
    Ports: [
      { PrivatePort: 80, PublicPort: 8080, Type: 'tcp', IP: '127.0.0.1' },
      { PrivatePort: 80, PublicPort: 8080, Type: 'tcp', IP: '::1' },
      { PrivatePort: 53, PublicPort: 53, Type: 'udp' },
      { PrivatePort: 443, Type: 'tcp' },
    ],
  } as ContainerSummary
  const item = trayMenu(states[2] as MachineState, [container], texts, actions).find(
    ({ label }) => label === 'web',
  )
  const submenu = item?.submenu as { label: string; click: () => void }[]
  expect(submenu.map(({ label }) => label)).toEqual([
    'Open localhost:8080',
    'Open terminal',
    'Restart',
    'Stop',
  ])
  done.length = 0
  for (const { click } of submenu) click()
  expect(done).toEqual([
    'openPort http://localhost:8080/',
    'openWindow /containers/c1/terminal',
    'restartContainer c1',
    'stopContainer c1',
  ])
})

test('texts follow the setting, else the system, and both languages have every one', () => {
  expect(textsFor('system', 'ko-KR')('start')).toBe('엔진 시작')
  expect(textsFor('system', 'de-DE')('container.port', { port: 80 })).toBe('Open 80')
})

test('the icon of each kind of state differs, and its corners are clear', () => {
  const names: MachineStateName[] = ['stopped', 'starting', 'running', 'failed']
  const icons = names.map((name) => drawTrayIcon(name, 22))
  expect(new Set(icons.map((icon) => icon.toString('hex'))).size).toBe(4)
  for (const icon of icons) {
    expect(icon).toHaveLength(22 * 22 * 4)
    expect(icon.readUInt32LE(0)).toBe(0)
  }
})

const event = (Action: string, Attributes: Record<string, string> = {}, ID = 'c1'): EventMessage => ({
  Type: 'container',
  Action,
  Actor: { ID, Attributes },
  scope: 'local',
  time: 0,
  timeNano: 0,
})

test('news: a container that dies by itself with a failure, a pull, a failed engine once', () => {
  let now = 0
  const news = new NewsDesk(() => now)
  const died = event('die', { exitCode: '3', name: 'web' })
  expect(news.onEvent(died, texts)).toMatchObject({ body: 'web exited with code 3' })
  expect(news.onEvent(event('die', { exitCode: '0', name: 'web' }), texts)).toBeUndefined()
  news.onEvent(event('kill', { signal: '15' }), texts)
  now = 10_000
  expect(news.onEvent(event('die', { exitCode: '143' }), texts)).toBeUndefined()
  expect(news.onEvent(died, texts)).toBeDefined()
  expect(news.onEvent({ ...event('pull', {}, 'redis:7'), Type: 'image' }, texts)?.body).toBe(
    'redis:7 was pulled',
  )
  const failed = states[5] as MachineState
  expect([news.onState(failed, texts)?.body, news.onState(failed, texts)]).toEqual(['QEMU ended', undefined])
  news.onState({ state: 'stopped' }, texts)
  expect(news.onState(failed, texts)).toBeDefined()
})

test('the window comes back where it was, unless that is out of sight or nonsense', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sw-win-'))
  const path = join(folder, 'window.json')
  const display = { x: 0, y: 0, width: 1920, height: 1080 }
  const state = { bounds: { x: 100, y: 50, width: 900, height: 600 }, maximized: true }
  expect(await loadWindowState(path, [display])).toBeUndefined()
  await saveWindowState(path, state)
  expect(await loadWindowState(path, [display])).toEqual(state)
  expect(await loadWindowState(path, [{ ...display, x: 1000 }])).toBeUndefined()
  await writeFile(path, '{"bounds":{"x":"0"}}')
  expect(await loadWindowState(path, [display])).toBeUndefined()
  await rm(folder, { recursive: true })
})

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { ContainerSummary } from '../../vm/api/containers.ts'
import type { MachineState, MachineStateName } from '../machine/state.ts'
import { noteOf } from './notifications.ts'
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

test('a notification of a failure speaks the user’s language where there are words', () => {
  const failed = {
    kind: 'failed',
    error: "the guest's kernel panicked",
    said: { message: { code: 'vm_panic' } },
  } as const
  expect(noteOf(failed, texts).body).toBe("the guest's kernel panicked")
  expect(noteOf(failed, textsFor('ko', 'en-US'))).toMatchObject({
    title: '엔진에 문제가 생겼어요',
    body: '가상 머신의 Linux 커널이 멈췄어요',
  })
  const { said: _said, ...unknown } = failed
  expect(noteOf(unknown, textsFor('ko', 'en-US')).body).toBe("the guest's kernel panicked")
})

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

test('a menu does not grow beyond what a screen holds; the rest is in the window', () => {
  const many = Array.from({ length: 40 }, (_, index) => ({
    Id: `c${index}`,
    Names: [`/web-${index}`],
    Ports: [],
  }))
  const labels = (containers: object[]) =>
    trayMenu(states[2] as MachineState, containers as ContainerSummary[], texts, actions).map(
      ({ label }) => label,
    )
  const shown = labels(many).filter((label) => label?.startsWith('web-'))
  expect(shown).toHaveLength(15)
  expect(labels(many)).toContain('Show all 40…')
  expect(labels(many.slice(0, 15)).join()).not.toContain('Show all')
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

test('news in words, each with the page that tells more', () => {
  expect([
    noteOf({ kind: 'died', id: 'c1', name: 'web', code: '3' }, texts),
    noteOf({ kind: 'pulled', name: 'redis:7' }, texts),
    noteOf({ kind: 'failed', error: 'QEMU ended' }, texts),
  ]).toEqual([
    { title: 'Slipway', body: 'web exited with code 3', route: '/containers/c1/logs' },
    { title: 'Slipway', body: 'redis:7 was pulled', route: '/images' },
    { title: 'The engine failed', body: 'QEMU ended', route: '/machine' },
  ])
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

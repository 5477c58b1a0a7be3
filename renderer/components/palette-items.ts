import {
  ArrowDownToLine,
  Bell,
  BellOff,
  Box,
  FileArchive,
  FileText,
  FolderInput,
  Hammer,
  HardDrive,
  KeyRound,
  Languages,
  Layers,
  type LucideIcon,
  Network,
  Play,
  Plus,
  RotateCcw,
  RotateCw,
  Settings,
  Sparkles,
  Square,
  Sun,
  Terminal,
} from 'lucide-react'
import type { SettingsPatch } from '../../app/settings-schema.ts'
import { nameOf } from '../actions.ts'
import { call } from '../api.ts'
import { showDialog } from '../dialogs.ts'
import { t, useI18n } from '../i18n.ts'
import { containerMenu } from '../pages/containers/container-menu.ts'
import { imageMenu, loadImages } from '../pages/images/image-actions.ts'
import { imageRows } from '../pages/images/images-view.ts'
import { machineAction, resetMachine, saveDiagnostics } from '../pages/machine/machine-actions.ts'
import { networkMenu } from '../pages/networks/network-actions.ts'
import { createVolume, volumeMenu } from '../pages/volumes/volume-actions.ts'
import { usersOf } from '../pages/volumes/volumes-page.tsx'
import { useContainers, useImages, useNetworks, useVolumes } from '../queries.ts'
import type { Resource } from '../resources.ts'
import { go } from '../router.ts'
import { isOnline, session } from '../session.ts'
import { PAGES } from '../shortcuts.ts'
import { useStore } from '../store.ts'
import type { MenuEntry } from './menu.tsx'
import { PAGE_ICONS } from './page-icons.ts'
import { notifyError } from './toast.tsx'

export interface PaletteItem {
  key: string
  label: string
  icon: LucideIcon | undefined
  detail?: string
  /** What kind of thing it is: shown, not searched. */
  kind?: string
  shortcut?: string
  /** Runs, or opens the actions of an object. */
  run: (() => void) | { title: string; entries: readonly MenuEntry[] }
}

/** Everything that can be done without choosing an object first. */
export function useActions(): PaletteItem[] {
  useI18n()
  const online = useStore(session, (state) => isOnline(state.machine))
  const muted = useStore(session, ({ settings }) => settings?.notifications === false)
  return [
    ...(online
      ? engineActions()
      : [item('start', t('machine.start'), Play, () => void machineAction('start'))]),
    ...PAGES.map((page, index) => ({ ...goTo(page, PAGE_ICONS[page]), shortcut: `Mod+${index + 1}` })),
    { ...goTo('settings', Settings), shortcut: 'Mod+,' },
    goTo('welcome', Sparkles),
    item('logs', t('palette.machineLogs'), FileText, () => go('machine', 'logs')),
    item('shell', t('palette.machineShell'), Terminal, () => go('machine', 'shell')),
    item('diagnostics', t('machine.diagnostics'), FileArchive, saveDiagnostics),
    ...(['system', 'light', 'dark'] as const).map((theme) =>
      item(`theme-${theme}`, t(`palette.${theme}`), Sun, () => change({ theme })),
    ),
    item('ko', '한국어', Languages, () => change({ language: 'ko' })),
    item('en', 'English', Languages, () => change({ language: 'en' })),
    item('mute', t(muted ? 'notices.unmute' : 'notices.mute'), muted ? Bell : BellOff, () =>
      change({ notifications: muted }),
    ),
    ...(['settings', 'containers', 'everything'] as const).map((what) =>
      item(`reset-${what}`, `${t(`machine.reset.${what}.title`)}…`, RotateCcw, () => resetMachine(what)),
    ),
  ]
}

function goTo(page: (typeof PAGES)[number] | 'settings' | 'welcome', icon: LucideIcon): PaletteItem {
  return item(`go-${page}`, t('palette.goTo', { page: t(`nav.${page}`) }), icon, () => go(page))
}

function item(key: string, label: string, icon: LucideIcon, run: () => void): PaletteItem {
  return { key, label, icon, run }
}

function engineActions(): PaletteItem[] {
  return [
    { ...item('run', t('containers.runImage'), Plus, () => showDialog({ kind: 'run' })), shortcut: 'N' },
    item('pull', t('images.pullTitle'), ArrowDownToLine, () => showDialog({ kind: 'pull' })),
    item('build', t('build.title'), Hammer, () => showDialog({ kind: 'build' })),
    item('load', t('images.load'), FolderInput, () => void loadImages()),
    item('volume', t('volumes.createTitle'), HardDrive, createVolume),
    item('network', t('networks.createTitle'), Network, () => showDialog({ kind: 'network' })),
    item('login', t('palette.signIn'), KeyRound, () => showDialog({ kind: 'login' })),
    item('stop', t('machine.stop'), Square, () => void machineAction('stop')),
    item('restart', t('machine.restart'), RotateCw, () => void machineAction('restart')),
  ]
}

function change(patch: SettingsPatch): void {
  call('settings.set', [patch]).then(
    (settings) => session.patch({ settings }),
    (error: unknown) => notifyError(t('settings.failed'), error),
  )
}

function known<T>(resource: Resource<T[]>): T[] {
  return 'data' in resource ? (resource.data ?? []) : []
}

/** Containers, images, volumes and networks, each with what can be done to it. */
export function useObjects(): PaletteItem[] {
  useI18n()
  const containers = known(useContainers())
  const images = known(useImages())
  const volumes = known(useVolumes())
  const networks = known(useNetworks())
  const view = { query: '', filter: 'all', sort: { by: 'name', descending: false } } as const
  return [
    ...containers.map((one): PaletteItem => {
      const title = nameOf(one)
      const open = { label: t('common.open'), run: () => go('containers', one.Id, 'logs') }
      const entries = [open, ...containerMenu([one])]
      return { key: one.Id, label: title, icon: Box, detail: one.Image, run: { title, entries } }
    }),
    ...imageRows(images, containers, view)
      .filter(({ tag }) => tag !== '')
      .map((row) => ({
        ...object(`image:${row.key}`, row.tag, Layers, imageMenu([row])),
        kind: t('nav.images'),
      })),
    ...volumes.map(({ Name }) => ({
      ...object(`volume:${Name}`, Name, HardDrive, volumeMenu(Name, usersOf(Name, containers).length > 0)),
      kind: t('nav.volumes'),
    })),
    ...networks.map((one) => ({
      ...object(one.Id, one.Name, Network, [
        { label: t('common.open'), run: () => go('networks', one.Name) },
        ...networkMenu(one),
      ]),
      kind: t('nav.networks'),
    })),
  ]
}

function object(key: string, title: string, icon: LucideIcon, entries: readonly MenuEntry[]): PaletteItem {
  return { key, label: title, icon, run: { title, entries } }
}

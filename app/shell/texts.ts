import type { SayingLanguage } from '../sayings.ts'

/** The few words outside the page: tray, menus, notifications. The page has its own catalogue. */
const en = {
  'state.stopped': 'Engine stopped',
  'state.starting': 'Engine starting…',
  'state.running': 'Engine running',
  'state.degraded': 'Engine running with problems',
  'state.stopping': 'Engine stopping…',
  'state.failed': 'Engine failed',
  start: 'Start engine',
  stop: 'Stop engine',
  restart: 'Restart engine',
  containers: 'Running containers',
  noContainers: 'No running containers',
  moreContainers: 'Show all {count}…',
  'container.stop': 'Stop',
  'container.restart': 'Restart',
  'container.terminal': 'Open terminal',
  'container.port': 'Open {port}',
  open: 'Open Slipway',
  quit: 'Quit Slipway',
  engine: 'Engine',
  run: 'Run a container…',
  settings: 'Settings…',
  'page.containers': 'Containers',
  'page.images': 'Images',
  'page.volumes': 'Volumes',
  'page.networks': 'Networks',
  'page.cleanup': 'Clean up',
  'page.machine': 'Machine',
  file: 'File',
  edit: 'Edit',
  view: 'View',
  window: 'Window',
  help: 'Help',
  documentation: 'Docker documentation',
  about: 'About Slipway',
  'notify.died': '{name} exited with code {code}',
  'notify.pulled': '{name} was pulled',
  'notify.failed': 'The engine failed',
} as const
export type TextKey = keyof typeof en

const ko: Readonly<Record<TextKey, string>> = {
  'state.stopped': '엔진 정지됨',
  'state.starting': '엔진 시작하는 중…',
  'state.running': '엔진 실행 중',
  'state.degraded': '엔진 실행 중 (문제 있음)',
  'state.stopping': '엔진 정지하는 중…',
  'state.failed': '엔진에 문제가 생김',
  start: '엔진 시작',
  stop: '엔진 정지',
  restart: '엔진 재시작',
  containers: '실행 중인 컨테이너',
  noContainers: '실행 중인 컨테이너 없음',
  moreContainers: '{count}개 모두 보기…',
  'container.stop': '정지',
  'container.restart': '재시작',
  'container.terminal': '터미널 열기',
  'container.port': '{port} 열기',
  open: 'Slipway 열기',
  quit: 'Slipway 종료',
  engine: '엔진',
  run: '컨테이너 실행…',
  settings: '설정…',
  'page.containers': '컨테이너',
  'page.images': '이미지',
  'page.volumes': '볼륨',
  'page.networks': '네트워크',
  'page.cleanup': '정리',
  'page.machine': '가상 머신',
  file: '파일',
  edit: '편집',
  view: '보기',
  window: '창',
  help: '도움말',
  documentation: 'Docker 문서',
  about: 'Slipway 정보',
  'notify.died': '{name} 컨테이너가 종료됐어요 (코드 {code})',
  'notify.pulled': '{name} 이미지를 받았어요',
  'notify.failed': '엔진에 문제가 생겼어요',
}

export interface Texts {
  (key: TextKey, values?: Readonly<Record<string, string | number>>): string
  readonly language: SayingLanguage
}

/** Texts in the language that the settings name; `system` follows the locale (BCP 47). */
export function textsFor(language: 'system' | 'en' | 'ko', locale: string): Texts {
  const korean = language === 'ko' || (language === 'system' && /^ko\b/i.test(locale))
  const table: Readonly<Record<TextKey, string>> = korean ? ko : en
  const texts = (key: TextKey, values: Readonly<Record<string, string | number>> = {}): string =>
    table[key].replaceAll(/\{(\w+)\}/g, (_match, name: string) => String(values[name] ?? ''))
  return Object.assign(texts, { language: korean ? 'ko' : 'en' } as const)
}

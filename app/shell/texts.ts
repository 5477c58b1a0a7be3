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
  'notify.died': '{name} exited with code {code}',
  'notify.pulled': '{name} was pulled',
  'notify.failed': 'The engine failed',
} as const
export type TextKey = keyof typeof en

const ko: Readonly<Record<TextKey, string>> = {
  'state.stopped': '엔진이 멈춰 있음',
  'state.starting': '엔진 시작 중…',
  'state.running': '엔진 실행 중',
  'state.degraded': '엔진 실행 중(문제 있음)',
  'state.stopping': '엔진 종료 중…',
  'state.failed': '엔진 오류',
  start: '엔진 시작',
  stop: '엔진 정지',
  restart: '엔진 다시 시작',
  containers: '실행 중인 컨테이너',
  noContainers: '실행 중인 컨테이너 없음',
  'container.stop': '정지',
  'container.restart': '다시 시작',
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
  'notify.died': '{name} 컨테이너가 코드 {code}(으)로 종료되었습니다',
  'notify.pulled': '{name} 이미지를 받았습니다',
  'notify.failed': '엔진에 오류가 발생했습니다',
}

export type Texts = (key: TextKey, values?: Readonly<Record<string, string | number>>) => string

/** Texts in the language that the settings name; `system` follows the locale (BCP 47). */
export function textsFor(language: 'system' | 'en' | 'ko', locale: string): Texts {
  const korean = language === 'ko' || (language === 'system' && /^ko\b/i.test(locale))
  const table: Readonly<Record<TextKey, string>> = korean ? ko : en
  return (key, values = {}) =>
    table[key].replaceAll(/\{(\w+)\}/g, (_match, name: string) => String(values[name] ?? ''))
}

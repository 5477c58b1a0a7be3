/**
 * What the host process has to say to a user, in each language: why something failed and what to do about it. The
 * command line and the logs speak English, the window and the desktop's notifications the user's language. An error
 * carries the codes beside its English text (`details.said`); what has no code is shown as it is. Pure.
 */
import { EngineError, type ErrorKind } from '../vm/api/errors.ts'

interface Texts {
  readonly en: string
  readonly ko: string
}

export const SAYINGS = {
  qemu_missing: { en: 'QEMU ({{program}}) is not installed', ko: 'QEMU({{program}})가 설치되어 있지 않아요' },
  qemu_old: {
    en: '{{path}} is QEMU {{version}}, too old',
    ko: '{{path}}에 있는 QEMU {{version}}은 너무 오래된 버전이에요',
  },
  qemu_broken: { en: '{{path}}: does not run', ko: '{{path}} 프로그램이 실행되지 않아요' },
  qemu_exit: { en: 'QEMU did not start ({{how}})', ko: 'QEMU를 실행하지 못했어요 ({{how}})' },
  install: { en: 'Install it with: {{command}}', ko: '다음 명령으로 설치하세요: {{command}}' },
  install_linux: {
    en: 'Install it with\n  apt: {{apt}}\n  dnf: {{dnf}}\n  pacman: {{pacman}}',
    ko: '다음 명령으로 설치하세요\n  apt: {{apt}}\n  dnf: {{dnf}}\n  pacman: {{pacman}}',
  },
  install_other: {
    en: 'Install QEMU {{version}} or newer ({{program}}).',
    ko: 'QEMU {{version}} 이상({{program}})을 설치하세요.',
  },
  vm_killed: {
    en: 'the virtual machine was killed (SIGKILL), by hand or for want of memory',
    ko: '가상 머신이 강제로 종료되었어요 (SIGKILL). 누군가 종료했거나 메모리가 부족했을 수 있어요',
  },
  vm_signal: {
    en: 'the virtual machine was ended by {{signal}}',
    ko: '가상 머신이 {{signal}} 신호를 받고 종료되었어요',
  },
  vm_off: { en: 'the guest powered itself off', ko: '가상 머신이 스스로 꺼졌어요' },
  vm_panic: { en: "the guest's kernel panicked", ko: '가상 머신의 Linux 커널이 멈췄어요' },
  vm_exit: { en: 'QEMU ended with exit code {{code}}', ko: 'QEMU가 종료 코드 {{code}}을 남기고 끝났어요' },
  vm_ended: { en: 'the virtual machine ended unexpectedly', ko: '가상 머신이 예기치 않게 종료되었어요' },
  vm_stopped: { en: 'the virtual machine is not running', ko: '가상 머신이 실행 중이 아니에요' },
  vm_lost: { en: 'the connection to the virtual machine was lost', ko: '가상 머신과 연결이 끊겼어요' },
  engine_lost: { en: 'the connection to the engine broke', ko: '엔진과 연결이 끊겼어요' },
  app_silent: { en: 'Slipway does not answer', ko: 'Slipway가 응답하지 않아요' },
  app_lost: { en: 'the connection was lost', ko: 'Slipway와 연결이 끊겼어요' },
  late: {
    en: '{{what}} did not come within {{time}}',
    ko: '제한 시간({{time}}) 안에 다음 단계로 넘어가지 못했어요',
  },
  disk_closed: {
    en: 'data disk {{path}}: cannot be opened',
    ko: '데이터 디스크 {{path}} 파일을 열지 못했어요',
  },
  disk_shrink: {
    en: 'data disk {{path}}: cannot shrink from {{from}} to {{to}}',
    ko: '데이터 디스크를 {{from}}에서 {{to}}로 줄일 수 없어요',
  },
  disk_size: {
    en: 'Set the disk size to {{size}} or more, or reset the machine to begin with an empty disk.',
    ko: '디스크 크기를 {{size}} 이상으로 설정하거나, 전체 초기화로 빈 디스크에서 다시 시작하세요.',
  },
  disk_reset: {
    en: 'Reset everything to start with a smaller disk.',
    ko: '더 작은 디스크를 쓰려면 전체 초기화를 해 주세요.',
  },
  image_missing: {
    en: 'no system image for {{arch}} in {{folder}}',
    ko: '{{folder}}에 {{arch}}용 시스템 이미지가 없어요',
  },
  image_missing_recipe: {
    en: "no system image for {{arch}} in {{folder}} of this checkout's recipe ({{hash}})",
    ko: '{{folder}}에 현재 코드({{hash}})로 만든 {{arch}}용 시스템 이미지가 없어요',
  },
  image_damaged: {
    en: 'system image {{folder}}: damaged',
    ko: '시스템 이미지 {{folder}}이 손상되었어요',
  },
  image_build: {
    en: 'Run `npm run image` (on Linux), or set SLIPWAY_IMAGE to the folder of an image.',
    ko: 'Linux에서 `npm run image`를 실행하거나 SLIPWAY_IMAGE에 이미지 폴더를 지정하세요.',
  },
  image_again: {
    en: 'Delete the folder and build the image again: `npm run image`.',
    ko: '폴더를 지우고 `npm run image`로 이미지를 다시 만드세요.',
  },
  in_use: {
    en: 'this machine is in use by another Slipway (process {{pid}})',
    ko: '다른 Slipway(프로세스 {{pid}})가 이 가상 머신을 쓰고 있어요',
  },
  in_use_hint: {
    en: 'Use the window that is open already, or quit it first.',
    ko: '이미 열려 있는 창을 쓰거나, 그 창을 먼저 종료하세요.',
  },
  vm_foreign: {
    en: 'a virtual machine runs at {{monitor}} that this machine does not know',
    ko: '{{monitor}}에서 알 수 없는 가상 머신이 실행 중이에요',
  },
  vm_foreign_hint: {
    en: 'Another Slipway may have started it. End its QEMU process, then try again.',
    ko: '다른 Slipway가 시작했을 수 있어요. 해당 QEMU 프로세스를 끝낸 뒤 다시 시도하세요.',
  },
  socket_path: {
    en: "{{path}}: {{bytes}} bytes are too long for a socket's path ({{max}})",
    ko: '소켓 경로 {{path}}이 너무 길어요 ({{bytes}}바이트, 최대 {{max}}바이트)',
  },
  socket_path_hint: {
    en: 'Set SLIPWAY_HOME to a shorter path.',
    ko: 'SLIPWAY_HOME을 더 짧은 경로로 지정하세요.',
  },
  guest_says: { en: 'the guest says', ko: '가상 머신이 알려 온 문제' },
  retry: {
    en: 'Try again; if it fails the same way, the logs say more.',
    ko: '다시 시도해 보세요. 같은 문제가 반복되면 로그에서 자세한 내용을 볼 수 있어요.',
  },
  restarting: {
    en: 'It is started again by itself: what was written to its disk is kept.',
    ko: '자동으로 다시 시작해요. 디스크에 저장된 내용은 그대로 남아 있어요.',
  },
  start_again: {
    en: 'Start it again: what was written to its disk is kept.',
    ko: '다시 시작해 주세요. 디스크에 저장된 내용은 그대로 남아 있어요.',
  },
  port_privileged: {
    en: 'Ports below 1024 need a privilege here. Allow them with: sudo sysctl net.ipv4.ip_unprivileged_port_start={{port}} — or publish a higher port, for example {{other}}.',
    ko: '1024보다 작은 포트를 쓰려면 권한이 필요해요. sudo sysctl net.ipv4.ip_unprivileged_port_start={{port}} 명령으로 허용하거나, {{other}}처럼 더 큰 포트를 쓰세요.',
  },
  port_reserved: {
    en: 'The system reserves this port. Publish another one, for example {{other}}.',
    ko: '시스템이 예약한 포트예요. {{other}}처럼 다른 포트를 쓰세요.',
  },
  port_address: {
    en: '{{address}} is not an address of this computer.',
    ko: '{{address}}은 이 컴퓨터의 주소가 아니에요.',
  },
  port_taken: {
    en: 'Publish another port, for example {{next}}:{{port}}.',
    ko: '{{next}}:{{port}}처럼 다른 포트를 쓰세요.',
  },
  file_large: { en: 'Download it instead.', ko: '대신 파일로 다운로드해 주세요.' },
} as const satisfies Record<string, Texts>

export type SayingCode = keyof typeof SAYINGS

/** One sentence; `detail` follows it as it is: another program's words. */
export interface Saying {
  readonly code: SayingCode
  readonly values?: Readonly<Record<string, string | number>>
  readonly detail?: string
}

/** What a failure says, as far as there are codes for it. */
export interface Said {
  readonly message?: Saying
  readonly hint?: Saying
}

export type SayingLanguage = keyof Texts

/** The sentence in a language. */
export function say({ code, values = {}, detail }: Saying, language: SayingLanguage = 'en'): string {
  const text = SAYINGS[code][language].replaceAll(/\{\{(\w+)\}\}/g, (_match, name: string) =>
    String(values[name] ?? ''),
  )
  return detail ? `${text}: ${detail}` : text
}

interface SaidOptions {
  readonly hint?: Saying | undefined
  readonly cause?: unknown
  readonly details?: Readonly<Record<string, unknown>>
}

/** An error whose message, hint or both can be said in other languages too; a message in Docker's words is text. */
export function saidError(
  kind: ErrorKind,
  message: Saying | string,
  { hint, cause, details }: SaidOptions = {},
): EngineError {
  const said: Said = { ...(typeof message === 'object' && { message }), ...(hint && { hint }) }
  return new EngineError(kind, typeof message === 'string' ? message : say(message), {
    ...(cause !== undefined && { cause }),
    ...(hint && { hint: say(hint) }),
    details: { ...details, said },
  })
}

/** What an error says, from this process or from the other side of a wire; unknown codes are left out. */
export function saidBy(error: unknown): Said {
  const said = error instanceof EngineError ? error.details?.['said'] : undefined
  if (typeof said !== 'object' || said === null) return {}
  const { message, hint } = said as Record<string, unknown>
  return { ...(isSaying(message) && { message }), ...(isSaying(hint) && { hint }) }
}

function isSaying(value: unknown): value is Saying {
  if (typeof value !== 'object' || value === null) return false
  const { code } = value as Record<string, unknown>
  return typeof code === 'string' && Object.hasOwn(SAYINGS, code)
}

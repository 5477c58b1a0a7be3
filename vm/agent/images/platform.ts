/** `--platform` as containerd's `platforms` reads it, in its words. Pure. */
import { EngineError } from '../../api/errors.ts'
import type { Platform } from './manifest.ts'

const SYSTEMS =
  'aix android darwin dragonfly freebsd hurd illumos ios js linux nacl netbsd openbsd plan9 solaris windows zos'
const ARCHITECTURES =
  '386 amd64 amd64p32 arm armbe arm64 arm64be ppc64 ppc64le loong64 mips mipsle mips64 mips64le mips64p32 mips64p32le ppc riscv riscv64 s390 s390x sparc sparc64 wasm'
const systems = new Set(SYSTEMS.split(' '))
const architectures = new Set(ARCHITECTURES.split(' '))

const PART = '^[A-Za-z0-9_.-]+$'
const SYSTEM = '^([A-Za-z0-9_-]+)(?:\\(([A-Za-z0-9_.-]*)\\))?$'

/** `linux/arm64/v8` and its short forms; a system's version in brackets is read and not used. */
export function parsePlatform(text: string): Platform {
  const fail = (why: string) => new EngineError('invalid_argument', `${why}: invalid argument`)
  const [first = '', second, variant, ...rest] = text.split('/')
  const system = new RegExp(SYSTEM).exec(first)?.[1]
  const quoted = JSON.stringify(text)
  if (system === undefined) {
    const rule = `OSAndVersion specifier component must match ${JSON.stringify(SYSTEM)}`
    throw fail(`${JSON.stringify(first)} is an invalid OS component of ${quoted}: ${rule}`)
  }
  for (const part of [second, variant, ...rest]) {
    if (part === undefined || new RegExp(PART).test(part)) continue
    const rule = `platform specifier component must match ${JSON.stringify(PART)}`
    throw fail(`${JSON.stringify(part)} is an invalid component of ${quoted}: ${rule}`)
  }
  if (rest.length > 0) throw fail(`${quoted}: cannot parse platform specifier`)
  const os = { macos: 'darwin' }[system.toLowerCase()] ?? system.toLowerCase()
  if (second !== undefined) return { os, ...processor(second, variant) }
  if (systems.has(os)) return { os, architecture: hostArchitecture() }
  const alone = processor(first, undefined)
  if (!architectures.has(alone.architecture))
    throw fail(`${quoted}: unknown operating system or architecture`)
  return { os: 'linux', ...alone }
}

/** What this machine runs. */
export function hostPlatform(): Platform {
  return { os: 'linux', architecture: hostArchitecture() }
}

export function platformText(platform: Platform): string {
  return [platform.os, platform.architecture, platform.variant].filter(Boolean).join('/')
}

/** Other names of the same; the usual variant of arm is seven. */
function processor(name: string, given: string | undefined): { architecture: string; variant?: string } {
  const wanted = name.toLowerCase()
  const architecture =
    { i386: '386', x86_64: 'amd64', 'x86-64': 'amd64', aarch64: 'arm64', armhf: 'arm', armel: 'arm' }[
      wanted
    ] ?? wanted
  const number = wanted === 'armel' ? 'v6' : wanted === 'armhf' ? 'v7' : given?.toLowerCase()
  const variant = number !== undefined && /^[5-9]$/.test(number) ? `v${number}` : number
  return { architecture, ...(variant === undefined ? {} : { variant }) }
}

function hostArchitecture(): string {
  return { x64: 'amd64', ia32: '386' }[process.arch as string] ?? process.arch
}

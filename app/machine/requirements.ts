import { execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { type EngineError, messageOf } from '../../vm/api/errors.ts'
import { type Saying, saidError } from '../sayings.ts'
import type { Arch } from './driver.ts'
import { QEMU_BINARY } from './qemu-args.ts'

export interface QemuProgram {
  readonly path: string
  readonly version: string
}

export interface FindOptions {
  readonly env?: NodeJS.ProcessEnv
  readonly platform?: NodeJS.Platform
  /** Folders to look in after PATH. */
  readonly folders?: readonly string[]
  readonly signal?: AbortSignal
}

/** The oldest whose options we use. */
const OLDEST: readonly [number, number] = [6, 0]

/** Where installers put QEMU without touching the PATH that a desktop app sees. */
const FOLDERS: Partial<Record<NodeJS.Platform, readonly string[]>> = {
  darwin: ['/opt/homebrew/bin', '/usr/local/bin', '/opt/local/bin'],
  win32: ['C:\\Program Files\\qemu', 'C:\\msys64\\ucrt64\\bin'],
  linux: ['/usr/bin', '/usr/local/bin', '/home/linuxbrew/.linuxbrew/bin'],
}

/**
 * The QEMU that runs guests of `arch`: SLIPWAY_QEMU's path, else the first one found. Fails with 'vm_failed' and a hint
 * that says what to install.
 */
export async function findQemu(arch: Arch, options: FindOptions = {}): Promise<QemuProgram> {
  const {
    env = process.env,
    platform = process.platform,
    folders = FOLDERS[platform] ?? [],
    signal,
  } = options
  const name = QEMU_BINARY[arch] + (platform === 'win32' ? '.exe' : '')
  const places = [...(env['PATH'] ?? '').split(delimiter).filter(Boolean), ...folders]
  const candidates = env['SLIPWAY_QEMU'] ? [env['SLIPWAY_QEMU']] : places.map((folder) => join(folder, name))
  for (const path of candidates) {
    if (!(await isProgram(path))) continue
    const version = await versionOf(path, signal)
    if (isTooOld(version)) throw unusable({ code: 'qemu_old', values: { path, version } }, arch, platform)
    return { path, version }
  }
  const program = env['SLIPWAY_QEMU'] ?? name
  throw unusable({ code: 'qemu_missing', values: { program } }, arch, platform)
}

/** `QEMU emulator version 7.2.22 (Debian …)` → `7.2.22`. */
export function parseVersion(text: string): string | undefined {
  return /version (\d+\.\d+(?:\.\d+)?)/.exec(text)?.[1]
}

/** What to type to get QEMU. */
export function installHint(arch: Arch, platform: NodeJS.Platform): Saying {
  const x64 = arch === 'x64'
  switch (platform) {
    case 'darwin':
      return { code: 'install', values: { command: 'brew install qemu' } }
    case 'win32':
      return { code: 'install', values: { command: 'winget install SoftwareFreedomConservancy.QEMU' } }
    case 'linux':
      return {
        code: 'install_linux',
        values: {
          apt: `sudo apt-get install ${x64 ? 'qemu-system-x86' : 'qemu-system-arm'}`,
          dnf: `sudo dnf install ${x64 ? 'qemu-system-x86-core' : 'qemu-system-aarch64-core'}`,
          pacman: `sudo pacman -S ${x64 ? 'qemu-base' : 'qemu-system-aarch64'}`,
        },
      }
    default:
      return { code: 'install_other', values: { version: OLDEST.join('.'), program: QEMU_BINARY[arch] } }
  }
}

async function versionOf(path: string, signal: AbortSignal | undefined): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(path, ['--version'], {
      timeout: 15_000,
      ...(signal ? { signal } : {}),
    })
    return parseVersion(stdout) ?? '0.0'
  } catch (cause) {
    const saying = { code: 'qemu_broken', values: { path }, detail: messageOf(cause) } as const
    throw saidError('vm_failed', saying, { cause })
  }
}

function isTooOld(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])
}

function unusable(message: Saying, arch: Arch, platform: NodeJS.Platform): EngineError {
  return saidError('vm_failed', message, {
    hint: installHint(arch, platform),
    details: { requirement: 'qemu' },
  })
}

const isProgram = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  )

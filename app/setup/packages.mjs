import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { run, step } from './run.mjs'

const ARM = process.arch === 'arm64'
const QEMU = ARM ? 'qemu-system-aarch64' : 'qemu-system-x86_64'

/** What must be on PATH, and the Debian package that brings it. */
const TOOLS = {
  machine: [
    [QEMU, ARM ? 'qemu-system-arm' : 'qemu-system-x86'],
    ['mmdebstrap', 'mmdebstrap'],
    ['mkfs.erofs', 'erofs-utils'],
    ['zstd', 'zstd'],
    ['xz', 'xz-utils'],
  ],
  test: [
    ['chromium', 'chromium'],
    ['Xvfb', 'xvfb'],
    ['xauth', 'xauth'],
    ['script', 'bsdutils'],
    ['ssh', 'openssh-client'],
    ['curl', 'curl'],
  ],
}

/** How other systems get QEMU; the image is built on Debian, elsewhere it comes with the release. */
const HINTS = {
  darwin: 'brew install qemu',
  win32: 'winget install SoftwareFreedomConservancy.QEMU   (then open a new terminal)',
  fedora: 'sudo dnf install qemu-system-x86-core mmdebstrap erofs-utils zstd xz',
  arch: 'sudo pacman -S qemu-system-x86 mmdebstrap erofs-utils zstd xz',
  suse: 'sudo zypper install qemu-x86 erofs-utils zstd xz   (and mmdebstrap from its own repository)',
}

/** Makes sure that the tools of a group are installed: with apt by itself, elsewhere by asking and waiting. */
export async function ensurePackages(group) {
  const missing = () => TOOLS[group].filter(([tool]) => needed(tool) && !onPath(tool))
  if (missing().length === 0) return
  if (process.platform === 'linux' && onPath('apt-get'))
    await install([...new Set(missing().map(([, name]) => name))])
  else await askAndWait(missing)
  const left = missing()
  if (left.length > 0)
    throw new Error(`still missing after the installation: ${left.map(([tool]) => tool).join(', ')}`)
}

function needed(tool) {
  return process.platform === 'linux' || tool === QEMU
}

async function install(names) {
  step(`installing Debian packages: ${names.join(' ')}`)
  const root = process.getuid?.() === 0
  const apt = (...args) => (root ? ['apt-get', args] : ['sudo', ['apt-get', ...args]])
  const options = ['-y', '-q', '-o', 'Dpkg::Use-Pty=0', '--no-install-recommends']
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  await run(...apt('update', '-q'), { env, quiet: true })
  await run(...apt('install', ...options, ...names), { env, quiet: true })
}

async function askAndWait(missing) {
  const names = missing().map(([tool]) => tool)
  process.stderr.write(
    `Slipway needs ${names.join(', ')}. Please install:\n\n  ${hint()}\n\nIt goes on by itself once they are there (Ctrl+C to leave).\n`,
  )
  while (missing().length > 0) await sleep(2000)
}

function hint() {
  if (process.platform !== 'linux')
    return HINTS[process.platform] ?? 'QEMU 7 or newer (https://www.qemu.org/download)'
  const release = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : ''
  const family = Object.keys(HINTS).find((name) => new RegExp(`^ID(_LIKE)?=.*${name}`, 'm').test(release))
  return (
    (family && HINTS[family]) ??
    'QEMU 7 or newer, mmdebstrap, erofs-utils, zstd and xz with your package manager'
  )
}

function onPath(tool) {
  const probe =
    process.platform === 'win32' ? spawnSync('where', [tool]) : spawnSync('sh', ['-c', `command -v ${tool}`])
  return probe.status === 0 || existsSync(`/usr/sbin/${tool}`) || existsSync(`/sbin/${tool}`)
}

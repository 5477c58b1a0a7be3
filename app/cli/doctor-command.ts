import { access, constants, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { EngineError, messageOf } from '../../vm/api/errors.ts'
import { guestArch } from '../host-machine.ts'
import { locateImage } from '../machine/image.ts'
import { QemuDriver } from '../machine/qemu.ts'
import type { Command } from './command.ts'
import { type Context, hasOwner } from './context.ts'

interface Check {
  readonly name: string
  /** Answers what was found; throws what is wrong. */
  run(context: Context): Promise<string>
}

const GIB = 2 ** 30

const checks: readonly Check[] = [
  {
    name: 'virtual machine software',
    async run() {
      const { name, version, accelerators } = await new QemuDriver({ arch: guestArch() }).info()
      return `${name} ${version}, will try ${accelerators.join(', then ')}`
    },
  },
  {
    name: 'hardware acceleration',
    async run() {
      if (process.platform !== 'linux') return 'decided at the first start'
      await access('/dev/kvm', constants.R_OK | constants.W_OK).catch((cause: unknown) => {
        throw new EngineError(
          'unavailable',
          '/dev/kvm cannot be used: containers will run many times slower',
          {
            cause,
            hint: 'Turn on virtualisation in the firmware, and add yourself to the group "kvm".',
          },
        )
      })
      return '/dev/kvm can be opened (whether it works is proven at the first start)'
    },
  },
  {
    name: 'system image',
    async run({ root }) {
      const agent = join(root, 'dist', 'agent', 'main.js')
      const image = await locateImage({ arch: guestArch(), agent })
      return `${image.arch}, ${image.recipe.slice(0, 12)}, ${image.systemDisk}`
    },
  },
  {
    name: 'home folder',
    async run({ home }) {
      const facts = await stat(home.root).catch(() => undefined)
      if (!facts) return `${home.root} (made at the first start)`
      if (process.platform !== 'win32' && (facts.mode & 0o077) !== 0) {
        throw new EngineError('permission_denied', `${home.root} is open to others`, {
          hint: `Run: chmod 700 ${home.root}`,
        })
      }
      return home.root
    },
  },
  {
    name: 'free disk space',
    async run({ home, root }) {
      const { bavail, bsize } = await statfs(home.root).catch(() => statfs(root))
      const free = (bavail * bsize) / GIB
      if (free < 5) {
        throw new EngineError('unavailable', `only ${free.toFixed(1)} GiB`, { hint: 'Images need room.' })
      }
      return `${Math.floor(free)} GiB`
    },
  },
  {
    name: 'engine',
    async run(context) {
      if (!(await hasOwner(context))) return 'not running'
      const state = await context.client.call('machine.state', [])
      if (state.state === 'failed') {
        throw new EngineError('vm_failed', state.error, state.hint ? { hint: state.hint } : {})
      }
      if (state.state === 'degraded') {
        throw new EngineError('unavailable', state.problems.map(({ message }) => message).join('; '))
      }
      if (state.state !== 'running') return state.state
      const { Version } = await context.client.call('system.version', [])
      return `running, ${Version}`
    },
  },
]

export const doctor: Command = {
  usage: '',
  summary: 'Checks what Slipway needs on this computer and says what to do about what is missing.',
  async run(context) {
    let wrong = 0
    for (const { name, run } of checks) {
      try {
        context.out.line(`ok    ${name}: ${await run(context)}`)
      } catch (error) {
        wrong++
        context.out.line(`wrong ${name}: ${messageOf(error)}`)
        if (error instanceof EngineError && error.hint) context.out.line(`      ${error.hint}`)
      }
    }
    return wrong === 0 ? 0 : 1
  },
}

import { createInterface } from 'node:readline/promises'
import { type Command, UsageError } from './command.ts'
import { ensureOwner } from './context.ts'

const WHAT = {
  settings: 'the settings (containers, images and volumes stay)',
  containers: 'every container, image, volume and network (settings stay)',
  everything: 'every container, image, volume and network, and the settings',
} as const

export const reset: Command = {
  usage: '--settings | --containers | --everything [--yes]',
  summary: 'Puts Slipway back to how it was before.',
  flags: {
    settings: { type: 'boolean', help: `Remove ${WHAT.settings}.` },
    containers: { type: 'boolean', help: `Remove ${WHAT.containers}.` },
    everything: { type: 'boolean', help: `Remove ${WHAT.everything}.` },
    yes: { type: 'boolean', short: 'y', help: 'Do not ask.' },
  },
  async run(context, { flags }) {
    const chosen = (['settings', 'containers', 'everything'] as const).filter((what) => flags[what])
    const [what] = chosen
    if (what === undefined || chosen.length > 1) {
      throw new UsageError('slipway reset: say what: --settings, --containers or --everything')
    }
    if (!flags['yes'] && !(await agreed(`This removes ${WHAT[what]}. Go on? [y/N] `))) {
      context.out.note('Nothing was changed.')
      return 1
    }
    await ensureOwner(context)
    await context.client.call('machine.reset', [what], { signal: context.signal })
    context.out.note('Done.')
    return 0
  },
}

async function agreed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new UsageError('slipway reset: nobody to ask: add --yes')
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test((await terminal.question(question)).trim())
  } finally {
    terminal.close()
  }
}

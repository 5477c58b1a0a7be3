/** What a keystroke's echo takes on its way between host and guest, over what it takes inside the guest. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run, type Slipway } from './fixtures/slipway.ts'
import { type Figure, figure } from './measure.ts'

const SCRIPT = 'e2e/fixtures/echo.mjs'

/** The same terminal by the host's docker.sock and by the engine's own socket in the VM. Needs the image busybox. */
export async function echoFigures(slipway: Slipway): Promise<Figure[]> {
  const { stdout } = await slipway.docker('run', '-d', 'busybox', 'sleep', '100000')
  const id = stdout.trim()
  try {
    const socket = join(slipway.home, 'docker.sock')
    const outside = times(await run(process.execPath, [SCRIPT, socket, id]))
    const guest = ['dist/app/cli.js', 'ssh', `node - /run/slipway/engine.sock ${id}`]
    const input = await readFile(SCRIPT, 'utf8')
    const options = { env: slipway.env, input, timeout: 60_000 }
    const inside = times(await run(process.execPath, guest, options))
    const added = percentile(outside, 0.95) - percentile(inside, 0.95)
    return [
      figure('keystroke echo, p95', 'ms', [percentile(outside, 0.95)]),
      figure('keystroke echo, p95 inside the guest', 'ms', [percentile(inside, 0.95)]),
      figure(ADDED, 'ms', [added]),
    ]
  } finally {
    await slipway.docker('rm', '-f', id)
  }
}

export const ADDED = 'keystroke echo, p95 added by the way to the host'

function times({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }): number[] {
  if (code !== 0) throw new Error(`${SCRIPT}: ${stderr}`)
  return JSON.parse(stdout)
}

function percentile(samples: number[], share: number): number {
  return [...samples].sort((a, b) => a - b)[Math.floor(samples.length * share)] ?? Number.NaN
}

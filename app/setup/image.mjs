import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ensureBuilt } from './build.mjs'
import { ROOT, run } from './run.mjs'

/** The VM image for this machine's architecture, built once per recipe; later runs find it in the cache. */
export async function ensureImage(args = []) {
  if (process.env.SLIPWAY_IMAGE) return
  if (!existsSync('/usr/bin/mmdebstrap')) {
    if (process.platform === 'linux') throw new Error('mmdebstrap is needed to build the VM image')
    throw new Error(
      'the VM image is built on Linux: run `npm run image` there and point SLIPWAY_IMAGE at the folder it prints, or install a released Slipway',
    )
  }
  await ensureBuilt(['image'])
  const sudo = process.getuid?.() === 0 || rootless() ? [] : ['sudo', '-E']
  await run([...sudo, process.execPath][0], [
    ...sudo.slice(1),
    ...(sudo.length ? [process.execPath] : []),
    join(ROOT, 'dist/vm/image/build.js'),
    ...args,
  ])
}

/** mmdebstrap can work unprivileged where user namespaces are allowed. */
function rootless() {
  return spawnSync('unshare', ['--user', '--map-auto', '--map-root-user', 'true']).status === 0
}

import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { access, readdir, readFile, writeFile } from 'node:fs/promises'
import { cpus, hostname } from 'node:os'
import { join } from 'node:path'
import type { MachineFacts } from '../containers/parts.ts'
import { CGROUP_ROOT } from '../runtime/cgroup.ts'

/** The engine's id: made once, kept on the data disk. */
export async function engineId(dataRoot: string): Promise<string> {
  const path = join(dataRoot, 'engine-id')
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
    const id = randomUUID()
    await writeFile(path, `${id}\n`, { mode: 0o600 })
    return id
  }
}

const INITS = [
  '/usr/bin/docker-init',
  '/usr/libexec/docker/docker-init',
  '/usr/bin/catatonit',
  '/usr/libexec/podman/catatonit',
  '/usr/lib/podman/catatonit',
  '/usr/bin/tini-static',
  '/usr/bin/tini',
]

export async function machineFacts(): Promise<MachineFacts> {
  let bootId: string | undefined
  const found = await Promise.all(INITS.map(async (path) => ((await there(path)) ? path : undefined)))
  return {
    arch: process.arch === 'arm64' ? 'arm64' : 'amd64',
    hostname: hostname(),
    // Linux makes it up when it is first asked for; before a machine that is held goes on that would be too early.
    get bootId() {
      bootId ??= readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
      return bootId
    },
    cpus: cpus().length,
    support: {
      ioWeight: await inSomeGroup('io.weight'),
      swap: (await readFile('/proc/swaps', 'utf8')).trim().split('\n').length > 0,
    },
    initPath: found.find((path) => path !== undefined),
  }
}

/** The root group lacks most files, and the containers' own is only made for the first of them. */
async function inSomeGroup(file: string): Promise<boolean> {
  const entries = await readdir(CGROUP_ROOT, { withFileTypes: true })
  const groups = entries.filter((entry) => entry.isDirectory())
  const found = await Promise.all(groups.map(({ name }) => there(join(CGROUP_ROOT, name, file))))
  return found.includes(true)
}

function there(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

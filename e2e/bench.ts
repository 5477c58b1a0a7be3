/**
 * `npm run bench [RUNS]`: figures of one machine from a cold start to everyday commands, and their ratio to Debian's
 * docker.io in a Debian VM on the same QEMU flags in the same run. `--alone` leaves the yardstick out.
 */
import { portFigures } from './bench-ports.ts'
import { startReferenceVm } from './fixtures/reference-vm.ts'
import { type Registry, startSeededRegistry } from './fixtures/registry.ts'
import { dockerCli, makeSlipway, run, type Slipway, startSlipway } from './fixtures/slipway.ts'
import {
  type DockerRunner,
  everydayFigures,
  type Figure,
  figure,
  formatFigure,
  residentMiB,
  seconds,
} from './measure.ts'

const args = process.argv.slice(2)
const alone = args.includes('--alone')
const times = Number(args.find((arg) => /^\d+$/.test(arg)) ?? 5)
const MEMORY = 2048

async function commands(docker: DockerRunner, pid: () => Promise<number>): Promise<Figure[]> {
  await docker('pull', '-q', 'busybox')
  const idle = figure('resident memory of QEMU after boot', 'MiB', [await residentMiB(await pid())])
  const pulls: number[] = []
  for (let i = 0; i < times; i++) {
    await docker('rmi', '-f', 'redis')
    pulls.push(await seconds(() => docker('pull', 'redis')))
  }
  return [
    idle,
    figure('docker pull redis (49 MB) from loopback', 's', pulls),
    ...(await everydayFigures(docker, times)),
  ]
}

async function measureSlipway(registry: Registry): Promise<Figure[]> {
  await using slipway = await makeSlipway({ registry, settings: { memoryMiB: MEMORY } })
  await startSlipway(slipway)
  const boots: number[] = []
  for (let i = 0; i < times; i++) {
    await slipway.slipway('stop')
    boots.push(await seconds(() => startSlipway(slipway)))
  }
  const boot = figure('cold boot to an engine that answers', 's', boots)
  return [boot, ...(await commands(slipway.docker, () => machinePid(slipway)))]
}

async function machinePid(slipway: Slipway): Promise<number> {
  return JSON.parse((await slipway.slipway('status', '--json')).stdout).pid
}

async function measureReference(registry: Registry): Promise<Figure[]> {
  const docker = await dockerCli()
  await using vm = await startReferenceVm({ registry, memoryMiB: MEMORY })
  const boot = figure('cold boot to an engine that answers', 's', [vm.bootSeconds])
  const figures = await commands(
    (...given) => run(docker, given, { env: vm.env }),
    () => Promise.resolve(vm.pid),
  )
  return [boot, ...figures]
}

await using registry = await startSeededRegistry()
const ours = await measureSlipway(registry)
const ports = await portFigures(registry, times)
process.stdout.write(`\nSlipway\n${ours.map(formatFigure).join('\n')}\n`)
process.stdout.write(`\npublished ports\n${ports.map(formatFigure).join('\n')}\n`)
if (!alone) {
  const theirs = await measureReference(registry)
  process.stdout.write(
    `\nDebian VM with docker.io\n${theirs.map(formatFigure).join('\n')}\n\nratio (yardstick / Slipway)\n`,
  )
  for (const mine of ours) {
    const other = theirs.find(({ name }) => name === mine.name)
    if (other)
      process.stdout.write(
        `${mine.name.padEnd(46)} ${(other.median / mine.median).toFixed(1).padStart(8)} ×\n`,
      )
  }
}

/**
 * `npm run bench [RUNS]`: figures of one machine from a cold start to everyday commands, and their ratio to Debian's
 * docker.io in a Debian VM on the same QEMU flags in the same run, each beside its budget. `--alone` leaves the yardstick
 * out, `--quick` also the ports, the download's size and the window. `--ports` measures the ports alone.
 */
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ADDED, echoFigures } from './bench-echo.ts'
import { idleFigures } from './bench-idle.ts'
import { DOWNLOAD, imageFigure } from './bench-image.ts'
import { portFigures } from './bench-ports.ts'
import { pullFigures, pushLargeImage } from './bench-pull.ts'
import { type ReferenceVm, startReferenceVm } from './fixtures/reference-vm.ts'
import { startSeededRegistry } from './fixtures/registry.ts'
import { dockerCli, makeSlipway, run, type Slipway, startSlipway } from './fixtures/slipway.ts'
import {
  type DockerRunner,
  everydayFigures,
  type Figure,
  figure,
  formatBudget,
  formatFigure,
  seconds,
} from './measure.ts'

const args = process.argv.slice(2)
const onlyPorts = args.includes('--ports')
const quick = args.includes('--quick')
const alone = quick || args.includes('--alone')
const times = Number(args.find((arg) => /^\d+$/.test(arg)) ?? 5)
const MEMORY = 2048

const BOOT = 'cold boot to an engine that answers'
/** With nothing kept of an earlier start (docs/architecture.md, "The machine"). */
const FIRST_BOOT = 'cold boot that begins with the kernel'
const PULL = 'docker pull of 200 MB in 8 layers'

/** How many times better than the yardstick, by row (docs/architecture.md). */
const RATIOS: Readonly<Record<string, number>> = {
  [BOOT]: 10,
  'docker run --rm busybox true': 10,
  'docker exec true': 6,
  [PULL]: 1.5,
  'idle: resident memory of QEMU': 2,
  'idle: memory used in the guest': 2,
}

/** Bounds of our own rows: at least, or at most. */
const BOUNDS: Readonly<Record<string, { least?: number; most?: number }>> = {
  [ADDED]: { most: 30 },
  [DOWNLOAD]: { most: 120 },
  "direct: 1 stream(s), share of QEMU's": { least: 80 },
  "double: 1 stream(s), share of QEMU's": { least: 80 },
}

async function commands(docker: DockerRunner, pid: number): Promise<Figure[]> {
  const { code, stderr } = await docker('pull', '-q', 'busybox')
  if (code !== 0) throw new Error(`docker pull busybox: ${stderr}`)
  return [...(await idleFigures(docker, pid)), ...(await everydayFigures(docker, times))]
}

async function measureSlipway(slipway: Slipway): Promise<Figure[]> {
  await startSlipway(slipway)
  const recipe = await recipeOf(slipway)
  const first = await bootSeconds(slipway, Math.min(times, 3), () => forgetMemory(slipway))
  return [
    figure(BOOT, 's', await bootSeconds(slipway, times)),
    figure(FIRST_BOOT, 's', first),
    ...(await commands(slipway.docker, await machinePid(slipway))),
    ...(await echoFigures(slipway)),
    ...(quick ? [] : [await imageFigure(recipe)]),
  ]
}

/** Of each of several starts; `prepare` runs while it is stopped. */
async function bootSeconds(
  slipway: Slipway,
  count: number,
  prepare: () => Promise<void> = async () => undefined,
): Promise<number[]> {
  const samples: number[] = []
  for (let i = 0; i < count; i++) {
    await slipway.slipway('stop')
    await prepare()
    samples.push(await seconds(() => startSlipway(slipway)))
  }
  return samples
}

const forgetMemory = ({ home }: Slipway): Promise<void> => rm(join(home, 'memory.img'), { force: true })

async function machinePid(slipway: Slipway): Promise<number> {
  return JSON.parse((await slipway.slipway('status', '--json')).stdout).pid
}

async function recipeOf({ home }: Slipway): Promise<string> {
  return JSON.parse(await readFile(join(home, 'machine.json'), 'utf8')).vm.recipe
}

async function measureReference(vm: ReferenceVm, docker: DockerRunner): Promise<Figure[]> {
  const boots = [BOOT, FIRST_BOOT].map((name) => figure(name, 's', [vm.bootSeconds]))
  return [...boots, ...(await commands(docker, vm.pid))]
}

/** The pulls, pair by pair: under the same names for both. */
async function measurePulls(
  slipway: Slipway,
  vm: ReferenceVm,
  docker: DockerRunner,
): Promise<[Figure[], Figure[]]> {
  const pid = await machinePid(slipway)
  const figures = await pullFigures(
    { docker: slipway.docker, registryHost: registry.host, pid },
    { docker, registryHost: `10.0.2.2:${registry.port}`, pid: vm.pid },
    Math.min(times, 3),
  )
  const of = (who: string) =>
    figures
      .filter(({ name }) => name.includes(who))
      .map((row) => ({ ...row, name: row.name.replace(who, '') }))
  return [of(', ours'), of(', theirs')]
}

function print(title: string, lines: string[]): void {
  process.stdout.write(`\n${title}\n${lines.join('\n')}\n`)
}

function bounds(figures: Figure[]): string[] {
  return figures.flatMap(({ name, median, unit }) => {
    const { least, most } = BOUNDS[name] ?? {}
    if (least !== undefined) return formatBudget(name, median, unit, `≥ ${least}`, median >= least)
    return most === undefined ? [] : formatBudget(name, median, unit, `≤ ${most}`, median <= most)
  })
}

function ratios(ours: Figure[], theirs: Figure[]): string[] {
  return ours.flatMap(({ name, median }) => {
    const other = theirs.find((figure) => figure.name === name)
    if (!other) return []
    const [ratio, wanted] = [other.median / median, RATIOS[name]]
    return formatBudget(name, ratio, '×', wanted ? `≥ ${wanted}` : '', !wanted || ratio >= wanted)
  })
}

const started = performance.now()
await using registry = await startSeededRegistry()
const ports = quick ? [] : await portFigures(registry, times)
if (ports.length > 0) print('published ports', ports.map(formatFigure))
if (onlyPorts) print('budgets', bounds(ports))
else {
  await using slipway = await makeSlipway({ registry, settings: { memoryMiB: MEMORY } })
  const ours = await measureSlipway(slipway)
  print('Slipway', ours.map(formatFigure))
  print('budgets of its own', bounds([...ours, ...ports]))
  if (!alone) {
    await pushLargeImage(registry)
    const cli = await dockerCli()
    await using vm = await startReferenceVm({ registry, memoryMiB: MEMORY })
    const docker: DockerRunner = (...given) => run(cli, given, { env: vm.env })
    const theirs = await measureReference(vm, docker)
    const [ourPulls, theirPulls] = await measurePulls(slipway, vm, docker)
    print('Debian VM with docker.io', [...theirs, ...theirPulls].map(formatFigure))
    print('Slipway, pulls', ourPulls.map(formatFigure))
    print(
      'budgets against it (yardstick / Slipway)',
      ratios([...ours, ...ourPulls], [...theirs, ...theirPulls]),
    )
  }
}
if (!quick && !onlyPorts) {
  const { stdout } = await run(process.execPath, ['dist/e2e/run.js', '--only', 'e2e', 'scale.spec.ts'], {
    timeout: 600_000,
  })
  print(
    'window with 500 containers, 50,000 log lines (interaction ≤ 100 ms, no frame over 50 ms)',
    stdout.split('\n').filter((line) => / ms\b.*\bms\b/.test(line)),
  )
}
print('', [`measured in ${Math.round((performance.now() - started) / 1000)} s`])

/** Pulling a large image from a registry on loopback, against the yardstick in the same session, pair by pair. */
import { readFile } from 'node:fs/promises'
import { noise } from './fixtures/images.ts'
import { type BuiltImage, buildImage, layerTar, pushImage } from './fixtures/oci.ts'
import type { Registry } from './fixtures/registry.ts'
import { type DockerRunner, type Figure, figure, seconds } from './measure.ts'

const NAME = 'bench/pull'
const LAYERS = 8
const MIB = 1 << 20

/** An engine to measure and the process whose CPU time it costs. */
export interface Pulling {
  docker: DockerRunner
  registryHost: string
  pid: number
}

/** 200 MB in 8 layers as they travel: files of 4 KiB to 1 MiB, two thirds of it noise and one third text. */
export async function pushLargeImage(registry: Registry): Promise<void> {
  const layers: Buffer[] = []
  for (let layer = 0; layer < LAYERS; layer++) layers.push(await layerTar(filesOf(layer)))
  const image: BuiltImage = buildImage({ config: { Cmd: ['true'] }, layers })
  await pushImage(registry.url, NAME, image)
}

function filesOf(layer: number) {
  const files: { name: string; data: Buffer }[] = []
  for (let left = 36 * MIB, i = 0; left > 0; i++) {
    const size = Math.min(left, 4096 * 2 ** (i % 9))
    const text = Buffer.alloc(Math.floor(size / 3), `line ${i} of many that are alike\n`)
    const data = Buffer.concat([noise(size - text.length, (layer * 1000 + i) % 256), text])
    files.push({ name: `data/${layer}/${i % 16}/${i}`, data })
    left -= size
  }
  return files
}

/** One after the other, `times` pairs: seconds, and seconds of the machine's CPU time. */
export async function pullFigures(ours: Pulling, theirs: Pulling, times: number): Promise<Figure[]> {
  const samples = { ours: [[], []], theirs: [[], []] } as Record<string, [number[], number[]]>
  for (let i = 0; i < times; i++) {
    for (const [name, engine] of Object.entries({ theirs, ours })) {
      const [wall, cpu] = await pullOnce(engine)
      samples[name]?.[0].push(wall)
      samples[name]?.[1].push(cpu)
      process.stderr.write(`pull, ${name}: ${wall.toFixed(1)} s, ${cpu.toFixed(1)} s of CPU time\n`)
    }
  }
  return Object.entries(samples).flatMap(([name, [wall, cpu]]) => [
    figure(`docker pull of 200 MB in 8 layers, ${name}`, 's', wall),
    figure(`docker pull of 200 MB in 8 layers, ${name}: CPU time`, 's', cpu),
  ])
}

async function pullOnce({ docker, registryHost, pid }: Pulling): Promise<[number, number]> {
  const name = `${registryHost}/${NAME}`
  await docker('rmi', '-f', name)
  const before = await cpuSeconds(pid)
  const wall = await seconds(async () => {
    const { code, stderr } = await docker('pull', '-q', name)
    if (code !== 0) throw new Error(stderr)
  })
  return [wall, (await cpuSeconds(pid)) - before]
}

/** What a process has used so far, all threads; a Linux tick is a hundredth of a second. */
async function cpuSeconds(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /, '').split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

/** `npm run bench`: figures of one machine, from a cold start to everyday commands. */

import { startSeededRegistry } from './fixtures/registry.ts'
import { makeSlipway, startSlipway } from './fixtures/slipway.ts'
import { everydayFigures, type Figure, figure, formatFigure, seconds } from './measure.ts'

const times = Number(process.argv[2] ?? 5)
await using registry = await startSeededRegistry()
await using slipway = await makeSlipway({ registry })
const figures: Figure[] = []
const print = (...added: Figure[]) => {
  figures.push(...added)
  for (const row of added) process.stdout.write(`${formatFigure(row)}\n`)
}

await startSlipway(slipway)
const boots: number[] = []
for (let i = 0; i < times; i++) {
  await slipway.slipway('stop')
  boots.push(await seconds(() => startSlipway(slipway)))
}
print(figure('slipway start (image cached) to _ping', 's', boots))
const pulls: number[] = []
for (let i = 0; i < times; i++) {
  await slipway.docker('rmi', '-f', 'redis')
  pulls.push(await seconds(() => slipway.docker('pull', 'redis')))
}
print(figure('docker pull redis (49 MB) from loopback', 's', pulls))
await slipway.docker('pull', '-q', 'busybox')
print(...(await everydayFigures(slipway, times)))

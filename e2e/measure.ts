import { readFile } from 'node:fs/promises'
import { performance } from 'node:perf_hooks'
import type { Result } from './fixtures/slipway.ts'

export type DockerRunner = (...args: string[]) => Promise<Result>

/** Median and extremes of one figure, in its own unit. */
export interface Figure {
  name: string
  unit: 's' | 'MiB' | 'MB' | 'MB/s' | 'ms' | '%' | '/s'
  median: number
  min: number
  max: number
}

export function figure(name: string, unit: Figure['unit'], samples: number[]): Figure {
  const sorted = [...samples].sort((a, b) => a - b)
  const median = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  return { name, unit, median, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN }
}

export function formatFigure({ name, unit, median, min, max }: Figure): string {
  const text = (value: number) => value.toFixed(value < 10 ? 2 : 1)
  return `${name.padEnd(52)} ${text(median).padStart(8)} ${unit.padEnd(4)} (${text(min)} – ${text(max)})`
}

/** One row beside its budget; `wanted` is empty where there is none. */
export function formatBudget(
  name: string,
  value: number,
  unit: string,
  wanted: string,
  met: boolean,
): string {
  const verdict = wanted && `budget ${wanted} ${unit}: ${met ? 'met' : 'MISSED'}`
  return `${name.padEnd(52)} ${value.toFixed(1).padStart(8)} ${unit.padEnd(4)} ${verdict}`.trimEnd()
}

/** Seconds that one call takes; what it throws is thrown on. */
export async function seconds(action: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await action()
  return (performance.now() - started) / 1000
}

/** The same command several times. */
export async function repeated(
  times: number,
  action: () => Promise<{ code: number; stderr: string }>,
): Promise<number[]> {
  const samples: number[] = []
  for (let i = 0; i < times; i++) {
    samples.push(
      await seconds(async () => {
        const { code, stderr } = await action()
        if (code !== 0) throw new Error(stderr)
      }),
    )
  }
  return samples
}

/** What a user waits for most, on a machine that runs: run, exec, ps. Needs the image busybox. */
export async function everydayFigures(docker: DockerRunner, times = 5): Promise<Figure[]> {
  await docker('rm', '-f', 'measured')
  const run = await repeated(times, () => docker('run', '--rm', 'busybox', 'true'))
  await docker('run', '-d', '--name', 'measured', 'busybox', 'sleep', '100000')
  const exec = await repeated(times, () => docker('exec', 'measured', 'true'))
  const ps = await repeated(times, () => docker('ps'))
  await docker('rm', '-f', 'measured')
  return [
    figure('docker run --rm busybox true', 's', run),
    figure('docker exec true', 's', exec),
    figure('docker ps', 's', ps),
  ]
}

/** Resident set of a process (Linux). */
export async function residentMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024
}

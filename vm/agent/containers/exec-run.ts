import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ExecCreateRequest } from '../../api/containers.ts'
import type { OciSpec } from '../runtime/oci.ts'
import { execProcess } from '../runtime/process.ts'
import type { Task } from '../runtime/runtime.ts'
import type { Container } from './container.ts'
import type { Parts } from './parts.ts'
import { userOf } from './start.ts'

/** The process of an exec in a running container: by the main process' own spec, as it was started. */
export async function execProcessOf(parts: Parts, container: Container, request: ExecCreateRequest) {
  const spec = JSON.parse(await readFile(join(parts.runDir, container.id, 'config.json'), 'utf8')) as OciSpec
  const user = request.User || container.record.config.User || ''
  return execProcess(spec.process, request, await userOf(parts.roots.path(container.id), user))
}

/** Runs a command to its end and keeps the first bytes of its output; no exit code when the time was over. */
export async function runInContainer(
  parts: Parts,
  container: Container,
  task: Task,
  command: string[],
  options: { timeout: number; signal: AbortSignal; maxOutput: number },
): Promise<{ exitCode: number | undefined; output: string }> {
  const exec = await task.exec({
    process: await execProcessOf(parts, container, { Cmd: command }),
    tty: false,
    stdin: false,
    signal: options.signal,
  })
  let output = ''
  const collect = (chunk: Buffer) => {
    if (output.length < options.maxOutput) output = (output + chunk.toString()).slice(0, options.maxOutput)
  }
  exec.stdout.on('data', collect)
  exec.stderr?.on('data', collect)
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), options.timeout)
  })
  const result = await Promise.race([exec.wait(), late])
  clearTimeout(timer)
  if (result === undefined) exec.kill(9)
  return { exitCode: result?.exitCode, output }
}

/** Further processes in running containers: create, start, inspect, resize. */
import { randomBytes } from 'node:crypto'
import type { Duplex } from 'node:stream'
import type { ExecCreateRequest, ExecInspect } from '../../api/containers.ts'
import { EngineError, messageOf } from '../../api/errors.ts'
import type { ExecTask } from '../runtime/runtime.ts'
import { encoder, pump, write } from './attach.ts'
import type { Container } from './container.ts'
import { DetachScanner, parseDetachKeys } from './detach-keys.ts'
import { execProcessOf } from './exec-run.ts'
import { emit, type Parts } from './parts.ts'
import { exitCodeOf } from './runtime-errors.ts'
import { userOf } from './start.ts'

interface Exec {
  id: string
  container: Container
  request: ExecCreateRequest
  state: 'created' | 'running' | 'exited'
  exitCode: number | null
  pid: number
  task: ExecTask | undefined
}

/** How long a finished exec can still be asked about. */
const KEEP = 5 * 60_000

export class Execs {
  readonly #parts: Parts
  readonly #execs = new Map<string, Exec>()

  constructor(parts: Parts) {
    this.#parts = parts
  }

  async create(reference: string, request: ExecCreateRequest): Promise<{ Id: string }> {
    if ((request.Cmd ?? []).length === 0)
      throw new EngineError('invalid_argument', 'No exec command specified')
    const container = this.#parts.table.get(reference)
    checkRunning(container)
    parseDetachKeys(request.DetachKeys)
    if (request.User) await userOf(this.#parts.roots.path(container.id), request.User)
    const id = randomBytes(32).toString('hex')
    this.#execs.set(id, { id, container, request, state: 'created', exitCode: null, pid: 0, task: undefined })
    container.execs.add(id)
    emit(this.#parts, container, `exec_create: ${commandOf(request)}`, { execID: id })
    return { Id: id }
  }

  /** Refuses what cannot be started, before the connection is taken over. */
  check(id: string): void {
    const exec = this.#get(id)
    if (exec.state === 'running')
      throw new EngineError('conflict', `exec ${id} is already running`, { details: { status: 409 } })
    if (exec.state === 'exited') throw new EngineError('conflict', `exec command ${id} has already run`)
    checkRunning(exec.container)
  }

  async startDetached(id: string): Promise<void> {
    this.check(id)
    const exec = this.#get(id)
    const task = await this.#launch(exec, false)
    task.stdout.resume()
    task.stderr?.resume()
    void this.#watch(exec, task)
  }

  /** Couples the client with the process until it ends. A program that cannot run is told on the stream. */
  async start(
    id: string,
    client: Duplex,
    { raw, size }: { raw: boolean; size?: [number, number] },
  ): Promise<void> {
    const exec = this.#get(id)
    const { request } = exec
    if (size && size[0] > 0 && size[1] > 0) exec.request = { ...request, ConsoleSize: size }
    const encode = encoder(raw)
    let task: ExecTask
    try {
      task = await this.#launch(exec, request.AttachStdin ?? false)
    } catch (error) {
      client.resume()
      client.end(encode('stdout', Buffer.from(`${messageOf(error)}\r\n`)))
      return
    }
    const ended = this.#watch(exec, task)
    this.#input(exec, task, client)
    const outputs = [
      send(task.stdout, client, (bytes) =>
        request.AttachStdout || request.Tty ? encode('stdout', bytes) : undefined,
      ),
      task.stderr
        ? send(task.stderr, client, (bytes) => (request.AttachStderr ? encode('stderr', bytes) : undefined))
        : undefined,
    ]
    await Promise.all(outputs)
    await ended
    client.end()
  }

  #input(exec: Exec, task: ExecTask, client: Duplex): void {
    const { request } = exec
    if (!request.AttachStdin || !task.stdin) {
      client.resume()
      return
    }
    // The process may end before it has read everything.
    task.stdin.on('error', () => client.resume())
    const scanner = request.Tty ? new DetachScanner(parseDetachKeys(request.DetachKeys)) : undefined
    pump(client, task.stdin, scanner, {
      closeOnEnd: !request.Tty,
      onDetach: () => {
        emit(this.#parts, exec.container, 'exec_detach', { execID: exec.id })
        client.end()
      },
    })
  }

  resize(id: string, size: { rows: number; columns: number }): void {
    const exec = this.#get(id)
    checkRunning(exec.container)
    if (exec.state !== 'running' || !exec.task) {
      throw new EngineError('not_found', `NotFound: process does not exist ${id}: not found`)
    }
    exec.task.resize(size)
  }

  inspect(id: string): ExecInspect {
    const { container, request, ...exec } = this.#get(id)
    const [entrypoint = '', ...args] = request.Cmd ?? []
    return {
      ID: exec.id,
      Running: exec.state === 'running',
      ExitCode: exec.exitCode,
      ProcessConfig: {
        tty: request.Tty ?? false,
        entrypoint,
        arguments: args,
        privileged: request.Privileged ?? false,
        ...(request.User ? { user: request.User } : {}),
      },
      OpenStdin: request.AttachStdin ?? false,
      OpenStderr: request.AttachStderr ?? false,
      OpenStdout: request.AttachStdout ?? false,
      CanRemove: false,
      ContainerID: container.id,
      DetachKeys: request.DetachKeys ?? '',
      Pid: exec.pid,
    }
  }

  #get(id: string): Exec {
    const exec = this.#execs.get(id)
    if (!exec) throw new EngineError('not_found', `No such exec instance: ${id}`)
    return exec
  }

  async #launch(exec: Exec, stdin: boolean): Promise<ExecTask> {
    const { container, request } = exec
    const { task } = container
    if (!task) throw new EngineError('conflict', `container ${container.id} is not running`)
    exec.state = 'running'
    try {
      const started = await task.exec({
        process: await execProcessOf(this.#parts, container, request),
        tty: request.Tty ?? false,
        stdin,
      })
      exec.task = started
      exec.pid = started.pid
      emit(this.#parts, container, `exec_start: ${commandOf(request)}`, { execID: exec.id })
      return started
    } catch (error) {
      this.#finish(exec, exitCodeOf(error))
      throw error
    }
  }

  #watch(exec: Exec, task: ExecTask): Promise<void> {
    return task.wait().then(
      ({ exitCode }) => {
        this.#finish(exec, exitCode)
        emit(this.#parts, exec.container, 'exec_die', { execID: exec.id, exitCode: String(exitCode) })
      },
      (error) => {
        this.#finish(exec, 128)
        this.#parts.log(`exec ${exec.id.slice(0, 12)}: ${messageOf(error)}`)
      },
    )
  }

  #finish(exec: Exec, exitCode: number): void {
    exec.state = 'exited'
    exec.exitCode = exitCode
    exec.task = undefined
    exec.container.execs.delete(exec.id)
    setTimeout(() => this.#execs.delete(exec.id), KEEP).unref()
  }
}

/** As events name it: a space follows the program, whether arguments do or not. */
function commandOf({ Cmd }: ExecCreateRequest): string {
  const [program = '', ...args] = Cmd ?? []
  return `${program} ${args.join(' ')}`
}

function checkRunning(container: Container): void {
  const { status } = container.state.life
  if (status === 'paused') {
    throw new EngineError(
      'conflict',
      `Container ${container.name} is paused, unpause the container before exec`,
    )
  }
  if (status === 'restarting') {
    throw new EngineError(
      'conflict',
      `Container ${container.id} is restarting, wait until the container is running`,
    )
  }
  if (status !== 'running') throw new EngineError('conflict', `container ${container.id} is not running`)
}

/** Output of the process to the client, with back-pressure; ends with the output. */
function send(
  from: NodeJS.ReadableStream,
  client: Duplex,
  encode: (bytes: Buffer) => Buffer | undefined,
): Promise<void> {
  return new Promise((resolve) => {
    from.on('data', (chunk: Buffer) => {
      const bytes = encode(chunk)
      if (!bytes || client.destroyed || client.writableEnded) return
      from.pause()
      write(client, bytes).then(
        () => from.resume(),
        () => from.resume(),
      )
    })
    from.on('end', () => resolve())
    // A terminal's master reports EIO when the last process closed it.
    from.on('error', () => resolve())
    from.on('close', () => resolve())
  })
}

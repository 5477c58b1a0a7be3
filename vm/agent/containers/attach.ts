import { join } from 'node:path'
import type { Duplex, Writable } from 'node:stream'
import { EngineError } from '../../api/errors.ts'
import type { Container } from './container.ts'
import { DetachScanner } from './detach-keys.ts'
import { frame, STDERR, STDOUT } from './frames.ts'
import { followFile, logEnd, readLog } from './log-reader.ts'
import { emit, type Parts } from './parts.ts'

export interface AttachOptions {
  stdin: boolean
  stdout: boolean
  stderr: boolean
  /** Past output first. */
  logs: boolean
  stream: boolean
  detachKeys: number[]
}

/** States in which attaching makes no sense; Docker's words. */
export function checkAttachable(container: Container): void {
  const { status } = container.state.life
  if (status === 'paused') {
    throw new EngineError(
      'conflict',
      `container ${container.id} is paused, unpause the container before attach`,
    )
  }
  if (status === 'restarting') {
    throw new EngineError(
      'conflict',
      `container ${container.id} is restarting, wait until the container is running`,
    )
  }
}

/** Frames bytes for a client: raw with a TTY, else multiplexed. */
export type Encode = (stream: 'stdout' | 'stderr', bytes: Buffer) => Buffer

export function encoder(tty: boolean): Encode {
  return tty
    ? (_stream, bytes) => bytes
    : (stream, bytes) => frame(stream === 'stdout' ? STDOUT : STDERR, bytes)
}

/** A place in the log taken before the connection is answered, so that nothing written after it is lost. */
export async function attachPoint(parts: Parts, container: Container): Promise<number> {
  return container.running ? logEnd(join(parts.store.directory(container.id), 'log')) : -1
}

/** Couples a client's connection with the container until either ends. Works before the start, too. */
export async function attach(
  parts: Parts,
  container: Container,
  options: AttachOptions & { from: number },
  client: Duplex,
): Promise<void> {
  emit(parts, container, 'attach')
  const abort = new AbortController()
  client.on('close', () => abort.abort())
  const ended = container.next('exit', abort.signal)
  ended.catch(() => undefined)
  const encode = encoder(container.record.config.Tty ?? false)
  if (options.stdin && options.stream) coupleStdin(parts, container, options, client, abort.signal)
  else client.resume()
  try {
    if (options.logs) await sendPast(parts, container, options, encode, client)
    if (options.stream) await sendLive(parts, container, options, ended, encode, client, abort.signal)
  } finally {
    client.end()
  }
}

async function sendPast(
  parts: Parts,
  container: Container,
  options: AttachOptions,
  encode: Encode,
  client: Duplex,
): Promise<void> {
  for await (const batch of readLog(parts.store.directory(container.id), {})) {
    for (const entry of batch) {
      if (!options[entry.stream]) continue
      await write(
        client,
        encode(entry.stream, entry.full ? Buffer.concat([entry.data, NEWLINE]) : entry.data),
      )
    }
  }
}

const NEWLINE = Buffer.from('\n')

async function sendLive(
  parts: Parts,
  container: Container,
  options: AttachOptions & { from: number },
  ended: Promise<unknown>,
  encode: Encode,
  client: Duplex,
  signal: AbortSignal,
): Promise<void> {
  const path = join(parts.store.directory(container.id), 'log')
  // Attached before a start: what an earlier run left is not ours.
  const from = options.from >= 0 ? options.from : await logEnd(path)
  if (!options.stdout && !options.stderr) {
    await ended.catch(() => undefined)
    return
  }
  for await (const batch of followFile(path, from, ended, signal)) {
    const chunks = batch
      .filter((entry) => options[entry.stream])
      .map((entry) => encode(entry.stream, entry.full ? Buffer.concat([entry.data, NEWLINE]) : entry.data))
    if (chunks.length > 0 && !(await write(client, Buffer.concat(chunks)))) return
  }
}

/** Client → container. Waits for the start; EOF closes stdin where StdinOnce says so. */
function coupleStdin(
  parts: Parts,
  container: Container,
  options: AttachOptions,
  client: Duplex,
  signal: AbortSignal,
): void {
  const { config } = container.record
  if (!config.OpenStdin) {
    client.resume()
    return
  }
  const scanner = config.Tty ? new DetachScanner(options.detachKeys) : undefined
  const waiting = container.onStart((task) => {
    const stdin = task.openStdin()
    stdin.on('error', () => client.resume())
    pump(client, stdin, scanner, {
      closeOnEnd: (config.StdinOnce ?? false) && !config.Tty,
      onDetach: () => {
        emit(parts, container, 'detach')
        client.end()
        client.destroySoon?.()
      },
    })
    if (!config.StdinOnce || config.Tty) client.on('close', () => stdin.destroy())
  })
  signal.addEventListener('abort', () => waiting.stop(), { once: true })
}

/** Passes input on with back-pressure, watching for the detach keys. */
export function pump(
  from: Duplex,
  to: Writable,
  scanner: DetachScanner | undefined,
  options: { closeOnEnd: boolean; onDetach(): void },
): void {
  from.on('data', (chunk: Buffer) => {
    const { pass, detached } = scanner ? scanner.push(chunk) : { pass: chunk, detached: false }
    if (pass.length > 0 && !to.destroyed && !to.writableEnded && !to.write(pass)) {
      from.pause()
      to.once('drain', () => from.resume())
    }
    if (detached) options.onDetach()
  })
  const end = () => {
    if (options.closeOnEnd && !to.destroyed && !to.writableEnded) to.end()
  }
  // A client that vanishes says no more either.
  from.on('end', end).on('close', end)
  // It may have said all it had to say while the program was being started.
  if (from.readableEnded || from.destroyed) end()
}

/** False when the client is gone. */
export async function write(client: Duplex, bytes: Buffer): Promise<boolean> {
  if (client.destroyed || client.writableEnded) return false
  if (client.write(bytes)) return true
  await new Promise<void>((resolve) => {
    const done = () => {
      client.off('drain', done).off('close', done)
      resolve()
    }
    client.on('drain', done).on('close', done)
  })
  return !client.destroyed
}

declare module 'node:stream' {
  interface Duplex {
    /** Sockets only: closes after what is buffered was sent. */
    destroySoon?(): void
  }
}

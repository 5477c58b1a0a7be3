/** Programs whose descriptors are pipes to us, read and written by the event loop without a thread each. */
import { closeSync } from 'node:fs'
import { Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import type { Child, ChildOptions, Kernel } from './kernel.ts'

export interface PipedOptions extends Omit<ChildOptions, 'stdio'> {
  /** What its descriptor n is: a pipe that it reads from, one that it writes to, or /dev/null. */
  readonly stdio: readonly ('reads' | 'writes' | 'null')[]
}

export interface Piped {
  readonly child: Child
  /**
   * Our end of descriptor n: a Writable for what it reads; for what it writes a Readable, which keeps everything, its end
   * too, until it is read. That end comes when the last holder has closed its side.
   */
  readonly ends: readonly (PassThrough | Socket | undefined)[]
}

/** As `Kernel.spawn`. What nobody reads stays in the pipe; a full one stops the program. */
export function spawnPiped(kernel: Kernel, { stdio, ...options }: PipedOptions): Piped {
  const pipes = stdio.map((kind) => (kind === 'null' ? undefined : { kind, ...kernel.pipe() }))
  const ours = pipes.map((pipe) => pipe && (pipe.kind === 'reads' ? pipe.writeFd : pipe.readFd))
  const theirs = pipes.map((pipe) => pipe && (pipe.kind === 'reads' ? pipe.readFd : pipe.writeFd))
  try {
    const child = kernel.spawn({ ...options, stdio: theirs.map((fd) => fd ?? 'null') })
    const ends = ours.map((fd, n) => (fd === undefined ? undefined : streamOf(fd, stdio[n] === 'writes')))
    return { child, ends }
  } catch (error) {
    for (const fd of ours) if (fd !== undefined) closeSync(fd)
    throw error
  } finally {
    for (const fd of theirs) if (fd !== undefined) closeSync(fd)
  }
}

function streamOf(fd: number, readable: boolean): PassThrough | Socket {
  const socket = new Socket({ fd, readable, writable: !readable })
  // A socket that nobody reads yet would announce the end of a short program's output to nobody.
  if (readable) return socket.pipe(new PassThrough())
  // A program that does not read what it is sent is no failure; its end is told by its exit.
  return socket.on('error', () => socket.destroy())
}

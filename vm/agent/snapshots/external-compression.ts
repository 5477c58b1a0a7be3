/** bzip2 and xz, which Node does not read: busybox does. */
import type { Readable, Writable } from 'node:stream'
import { EngineError } from '../../api/errors.ts'

const MAGIC = {
  bunzip2: [0x42, 0x5a, 0x68],
  unxz: [0xfd, 0x37, 0x7a, 0x58, 0x5a],
  gunzip: [0x1f, 0x8b],
  unzstd: [0x28, 0xb5, 0x2f, 0xfd],
} as const

/** True for anything that a tar may be packed with. */
export function isCompressed(head: Uint8Array): boolean {
  return Object.values(MAGIC).some((magic) => starts(head, magic))
}

/** Unpacks bzip2 and xz, told by the first bytes; anything else goes through as it is. data_loss when it is corrupt. */
export async function* unpackedExternally(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const input = source[Symbol.asyncIterator]()
  const first = await input.next()
  if (first.done) return
  const whole = (async function* () {
    try {
      for (let item: IteratorResult<Uint8Array> = first; !item.done; item = await input.next())
        yield item.value
    } finally {
      await input.return?.()
    }
  })()
  const applet = (['bunzip2', 'unxz'] as const).find((name) => starts(first.value, MAGIC[name]))
  yield* applet ? through(whole, applet) : whole
}

async function* through(source: AsyncIterable<Uint8Array>, applet: string): AsyncIterable<Uint8Array> {
  // Loaded when it is needed: under emulation every module costs the engine's start.
  const { spawn } = process.getBuiltinModule('node:child_process')
  const child = spawn('busybox', [applet, '-c'], { stdio: ['pipe', 'pipe', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(0, 1000)
  })
  const ended = new Promise<number>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve(code ?? 128))
  })
  ended.catch(() => undefined)
  const feeding = feed(source, child.stdin, child.stdout)
  try {
    yield* child.stdout
    const code = await ended
    if (code !== 0)
      throw new EngineError('data_loss', `corrupt archive: ${said.trim() || `${applet}: exit code ${code}`}`)
  } finally {
    child.kill()
    await feeding
  }
}

/** Gives the child its input; what it is still to be given when it has ended is told by its exit code. */
async function feed(source: AsyncIterable<Uint8Array>, stdin: Writable, stdout: Readable): Promise<void> {
  stdin.on('error', () => undefined)
  try {
    for await (const chunk of source) {
      if (stdin.destroyed) return
      // The chunk may be the same buffer again next time.
      await new Promise<void>((resolve) => stdin.write(chunk, () => resolve()))
    }
    stdin.end()
  } catch (error) {
    stdout.destroy(error instanceof Error ? error : new Error(String(error)))
  }
}

function starts(head: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, index) => head[index] === byte)
}

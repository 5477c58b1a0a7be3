import { expect, test } from 'vitest'
import { decodeFrames, FrameDecoder, type FramePart } from './frames.ts'

function frame(stream: number, text: string): Buffer {
  const head = Buffer.alloc(8)
  head[0] = stream
  head.writeUInt32BE(Buffer.byteLength(text), 4)
  return Buffer.concat([head, Buffer.from(text)])
}
const joined = (parts: FramePart[]): [string, string][] => {
  const out: [string, string][] = []
  for (const { stream, data } of parts) {
    const last = out.at(-1)
    if (last?.[0] === stream) last[1] += Buffer.from(data).toString('latin1')
    else out.push([stream, Buffer.from(data).toString('latin1')])
  }
  return out
}

const whole = Buffer.concat([frame(1, 'out'), frame(2, 'problem'), frame(1, ''), frame(1, 'x'.repeat(300))])
const wanted = [
  ['stdout', 'out'],
  ['stderr', 'problem'],
  ['stdout', 'x'.repeat(300)],
]

test.each([1, 2, 3, 7, 8, 9, 64, 1000])('splits a stream that comes in pieces of %i bytes', (size) => {
  const decoder = new FrameDecoder()
  const parts: FramePart[] = []
  for (let at = 0; at < whole.length; at += size) parts.push(...decoder.push(whole.subarray(at, at + size)))
  decoder.finish()
  expect(joined(parts)).toEqual(wanted)
})

test('frames of one stream that come together are one part', () => {
  const lines = Buffer.concat([frame(1, 'a\n'), frame(1, 'b\n'), frame(2, 'c\n'), frame(1, 'd\n')])
  expect(
    new FrameDecoder().push(lines).map(({ stream, data }) => [stream, Buffer.from(data).toString()]),
  ).toEqual([
    ['stdout', 'a\nb\n'],
    ['stderr', 'c\n'],
    ['stdout', 'd\n'],
  ])
})

test.each([
  ['inside a payload', whole.subarray(0, 10)],
  ['inside a head', whole.subarray(0, 15)],
  ['not frames at all', Buffer.from('HTTP/1.1 200 OK')],
])('a stream that ends %s is data loss, not an end', async (_name, bytes) => {
  const read = async (): Promise<void> => {
    for await (const _ of decodeFrames(
      (async function* () {
        yield bytes
      })(),
    )) {
      expect(_.stream).toBe('stdout')
    }
  }
  await expect(read()).rejects.toMatchObject({ kind: 'data_loss' })
})

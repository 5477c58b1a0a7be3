import { expect, test } from 'vitest'
import { EngineError } from '../vm/api/errors.ts'
import { type Frame, HIGH_WATER } from './wire.ts'
import { StreamPeer } from './wire-stream.ts'

/** Two peers wired to each other, delivering in a later turn as a real transport does. */
function pair(): { a: StreamPeer; b: StreamPeer; frames: Frame[] } {
  const frames: Frame[] = []
  const later = (deliver: () => void): void => queueMicrotask(deliver)
  const a: StreamPeer = new StreamPeer((frame) => {
    frames.push(frame)
    later(() => b.receive(frame))
  })
  const b: StreamPeer = new StreamPeer((frame) => later(() => a.receive(frame)))
  return { a, b, frames }
}

async function collect(source: AsyncIterable<unknown>): Promise<unknown[]> {
  const values: unknown[] = []
  for await (const value of source) values.push(value)
  return values
}

test('values arrive in order and end ends', async () => {
  const { a, b } = pair()
  await a.write(1)
  await a.write(2)
  a.end()
  expect(await collect(b.incoming())).toEqual([1, 2])
})

test('a failure after values delivers the values, then throws as EngineError', async () => {
  const { a, b } = pair()
  await a.write('first')
  a.fail(new EngineError('not_found', 'gone', { hint: 'look' }))
  const seen: unknown[] = []
  await expect(
    (async () => {
      for await (const value of b.incoming()) seen.push(value)
    })(),
  ).rejects.toMatchObject({ kind: 'not_found', message: 'gone', hint: 'look' })
  expect(seen).toEqual(['first'])
})

test('the writer stops above the high-water mark until the reader takes', async () => {
  const { a, b } = pair()
  const chunk = new Uint8Array(HIGH_WATER + 1)
  let resumed = false
  const writing = a.write(chunk).then(() => {
    resumed = true
  })
  await new Promise((resolve) => setTimeout(resolve, 10))
  expect(resumed).toBe(false)
  const reader = b.incoming()
  await reader.next()
  void reader.next()
  await writing
  expect(resumed).toBe(true)
})

test('leaving the loop cancels: the other side is aborted and its write throws', async () => {
  const { a, b } = pair()
  await a.write(1)
  for await (const _ of b.incoming()) break
  await expect.poll(() => a.signal.aborted).toBe(true)
  await expect(a.write(2)).rejects.toMatchObject({ kind: 'cancelled' })
})

test('a lost transport fails the reader, but not after the end', async () => {
  const { b } = pair()
  const reading = collect(b.incoming())
  b.lost()
  await expect(reading).rejects.toMatchObject({ kind: 'unavailable' })
  const other = pair()
  other.b.receive({ type: 'end' })
  other.b.lost()
  expect(await collect(other.b.incoming())).toEqual([])
})

test('a sender that ignores flow control is failed', async () => {
  const { b } = pair()
  for (let count = 0; count < 70; count++) {
    b.receive({ type: 'data', value: new Uint8Array(HIGH_WATER) })
  }
  await expect(collect(b.incoming())).rejects.toMatchObject({ kind: 'invalid_argument' })
})

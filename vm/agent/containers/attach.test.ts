import { once } from 'node:events'
import { Duplex, PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { pump } from './attach.ts'

test('a client that had nothing to say before the program was there ends its input all the same', async () => {
  const client = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() })
  client.push(null)
  client.read(0)
  await once(client, 'end')
  const input = new PassThrough()
  pump(client, input, undefined, { closeOnEnd: true, onDetach: () => undefined })
  expect(input.writableEnded).toBe(true)
})

import { Readable } from 'node:stream'
import { extract } from 'tar-stream'
import { expect, test } from 'vitest'
import { tarFiles } from './tar.ts'

test('another reader of the format reads it', async () => {
  const long = `${'폴더'.repeat(40)}/${'x'.repeat(80)}.txt`
  const archive = tarFiles([
    { name: 'dir/', time: 1_700_000_000_000 },
    { name: 'dir/a.txt', data: new Blob(['hello']), time: 1_700_000_000_000, mode: 0o600 },
    { name: long, data: new Blob(['x'.repeat(512)]) },
  ])
  const seen: unknown[] = []
  const reader = Readable.from(Buffer.from(await archive.arrayBuffer())).pipe(extract())
  for await (const entry of reader) {
    const parts: Buffer[] = []
    for await (const part of entry) parts.push(part as Buffer)
    const { name, type, size, mode } = entry.header
    seen.push([name, type, size, mode, Buffer.concat(parts).toString().slice(0, 5)])
  }
  expect(seen).toEqual([
    ['dir/', 'directory', 0, 0o755, ''],
    ['dir/a.txt', 'file', 5, 0o600, 'hello'],
    [long, 'file', 512, 0o644, 'xxxxx'],
  ])
})

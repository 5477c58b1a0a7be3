import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { findHolder, holderText, listeningInodes, parseLsof } from './holder.ts'

const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0
   1: 0100007F:0050 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 20 4 30 10 -1
   2: 00000000:0051 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 0 100 0 0 10 0
`

test('only listening sockets of the port count', () => {
  expect(listeningInodes(TABLE, 'tcp', 80)).toEqual(['4711'])
  expect(listeningInodes(TABLE, 'tcp', 443)).toEqual([])
})

test('lsof output is read', () => {
  expect(parseLsof('p4711\ncnginx\np4712\ncnginx\n')).toEqual({ pid: 4711, name: 'nginx' })
  expect(parseLsof('')).toBeUndefined()
})

test('what is known is said', () => {
  expect(holderText({ pid: 1, name: 'nginx' })).toBe('nginx (pid 1)')
  expect(holderText({})).toBe('another user’s process')
})

test.runIf(process.platform === 'linux')('this process is found as the holder of its own port', async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '::', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  expect((await findHolder('tcp', port))?.pid).toBe(process.pid)
  server.close()
})

test('nobody holds a free port', async () => {
  expect(await findHolder('tcp', 1)).toBeUndefined()
})

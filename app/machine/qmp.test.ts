import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { QmpConnection, type QmpEvent } from './qmp.ts'

interface Command {
  execute: string
  arguments: Record<string, unknown>
  id: number
}

let folder: string
let path: string
let server: Server | undefined
let sockets: Socket[] = []

/** A monitor that greets and answers each command by `answer`; undefined: it says nothing. */
async function monitor(answer: (command: Command, socket: Socket) => unknown, greet = true): Promise<void> {
  server = createServer((socket) => {
    sockets.push(socket)
    if (greet) socket.write('{"QMP": {"version": {}, "capabilities": []}}\r\n')
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
      for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
        const command = JSON.parse(text.slice(0, end)) as Command
        text = text.slice(end + 1)
        const reply = command.execute === 'qmp_capabilities' ? { return: {} } : answer(command, socket)
        if (reply) socket.write(`${JSON.stringify({ ...reply, id: command.id })}\r\n`)
      }
    })
    socket.on('error', () => undefined)
  })
  await new Promise<void>((resolve) => server?.listen(path, resolve))
}

const deadline = () => AbortSignal.timeout(30_000)

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'qmp-'))
  path = join(folder, 's')
})
afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  sockets = []
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)))
  server = undefined
  await rm(folder, { recursive: true, force: true })
})

test('answers belong to their commands, in whatever order they come', async () => {
  const held: (() => void)[] = []
  await monitor((command, socket) => {
    const say = () => socket.write(`${JSON.stringify({ return: command.arguments, id: command.id })}\n`)
    if (command.execute === 'slow') held.push(say)
    else {
      say()
      for (const late of held) late()
    }
    return undefined
  })
  const qmp = await QmpConnection.connect(path, { signal: deadline() })
  const answers = await Promise.all([qmp.execute('slow', { n: 1 }), qmp.execute('quick', { n: 2 })])
  expect(answers).toEqual([{ n: 1 }, { n: 2 }])
  await qmp.close()
})

test('waits for a monitor that is not there yet', async () => {
  const connecting = QmpConnection.connect(path, { signal: deadline() })
  await new Promise((resolve) => setTimeout(resolve, 60))
  await monitor(() => ({ return: 'ok' }))
  const qmp = await connecting
  expect(await qmp.execute('query-status')).toBe('ok')
  await qmp.close()
})

test('a refusal is told in the words of QEMU and names the command', async () => {
  await monitor(() => ({ error: { class: 'GenericError', desc: "Device 'x' not found" } }))
  const qmp = await QmpConnection.connect(path, { signal: deadline() })
  await expect(qmp.execute('device_del', { id: 'x' })).rejects.toMatchObject({
    kind: 'internal',
    message: "device_del: Device 'x' not found",
  })
  await qmp.close()
})

test('events arrive between answers, cut wherever the stream cuts them', async () => {
  const events: QmpEvent[] = []
  await monitor((_command, socket) => {
    const text = '{"event": "SHUTDOWN", "data": {"reason": "guest-ü"}}\n'
    const bytes = Buffer.from(text)
    socket.write(bytes.subarray(0, 45))
    setTimeout(
      () => socket.write(Buffer.concat([bytes.subarray(45), Buffer.from('{"return": 1, "id": 2}\n')])),
      20,
    )
    return undefined
  })
  const qmp = await QmpConnection.connect(path, {
    signal: deadline(),
    onEvent: (event) => events.push(event),
  })
  expect(await qmp.execute('x')).toBe(1)
  expect(events).toEqual([{ event: 'SHUTDOWN', data: { reason: 'guest-ü' } }])
  await qmp.close()
})

test('the end of the connection ends every wait and shows in `closed`', async () => {
  await monitor((_command, socket) => void socket.destroy())
  const qmp = await QmpConnection.connect(path, { signal: deadline() })
  await expect(qmp.execute('x')).rejects.toMatchObject({ kind: 'unavailable' })
  await qmp.closed
  await expect(qmp.execute('y')).rejects.toMatchObject({ kind: 'unavailable' })
})

test('a command can be cancelled, and so can connecting to a monitor that never greets', async () => {
  await monitor(() => undefined, false)
  await expect(QmpConnection.connect(path, { signal: AbortSignal.timeout(80) })).rejects.toMatchObject({
    name: 'TimeoutError',
  })
  server?.close()
  await rm(path, { force: true })
  await monitor(() => undefined)
  const qmp = await QmpConnection.connect(path, { signal: deadline() })
  await expect(qmp.execute('x', {}, { signal: AbortSignal.timeout(30) })).rejects.toMatchObject({
    kind: 'cancelled',
  })
  await qmp.close()
})

test('a monitor that speaks something else is hung up on', async () => {
  await monitor((_command, socket) => void socket.write('SSH-2.0\n'))
  const qmp = await QmpConnection.connect(path, { signal: deadline() })
  await expect(qmp.execute('x')).rejects.toMatchObject({ kind: 'unavailable' })
})

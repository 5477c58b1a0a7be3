import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { bindForward } from './bind.ts'

const NOBODY = 65_534
/** Linux, with root to give up: the test runs in a process of its own. */
const canDrop = process.platform === 'linux' && process.getuid?.() === 0 && process.seteuid !== undefined
const nowhere = {
  connect: () => Promise.reject(new Error('not led on')),
  relay: () => Promise.reject(new Error('not led on')),
  onFailure: () => undefined,
}

async function freeLowPort(): Promise<number> {
  for (let port = 900; port < 1024; port++) {
    const server = createServer()
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true))
    })
    await new Promise((resolve) => server.close(resolve))
    if (isFree) return port
  }
  throw new Error('no free port below 1024')
}

async function bind(hostPort: number) {
  const forward = {
    protocol: 'tcp',
    hostIp: '',
    hostPort,
    containerIp: '172.17.0.2',
    containerPort: 80,
  } as const
  const bound = await bindForward(forward, nowhere)
  for (const { listener } of bound.addresses) await listener[Symbol.asyncDispose]()
  return bound.port
}

test.skipIf(!canDrop)('a port below 1024: root has it, another user is told how to get it', async () => {
  const port = await freeLowPort()
  expect(await bind(port)).toBe(port)
  process.seteuid?.(NOBODY)
  try {
    await expect(bind(port)).rejects.toMatchObject({
      kind: 'permission_denied',
      message: `Bind for 0.0.0.0:${port} failed: permission denied`,
      hint: expect.stringMatching(
        new RegExp(`sysctl net.ipv4.ip_unprivileged_port_start=${port} .* for example \\d{4}`),
      ),
    })
    expect(await bind(0)).toBeGreaterThan(1023)
  } finally {
    process.seteuid?.(0)
  }
})

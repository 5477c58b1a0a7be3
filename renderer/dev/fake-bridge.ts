import { EngineError } from '../../vm/api/errors.ts'
import type { Bridge, OpenStream } from '../bridge.ts'
import { containerMethods } from './fake-containers.ts'
import { hostMethods } from './fake-host.ts'
import { imageMethods } from './fake-images.ts'
import { fakeStats } from './fake-stats.ts'
import { fakeLogs, fakePull, fakeTerminal, type Handlers } from './fake-streams.ts'
import { type Methods, World } from './fake-world.ts'

/** An engine made of memory, for looking at screens and measuring them. Never part of the production bundle. */
export function fakeBridge(query: URLSearchParams): Bridge {
  const world = new World(query)
  const methods: Methods = { ...hostMethods(world), ...containerMethods(world), ...imageMethods(world) }
  return {
    async call(method, args) {
      await new Promise((resolve) => setTimeout(resolve, 30))
      const handler = methods[method]
      if (!handler) throw new EngineError('not_implemented', `${method}: the fixture has no such method`)
      if (query.get('fail') === method)
        throw new EngineError('unavailable', 'the engine does not answer', { hint: 'Restart the engine.' })
      return structuredClone(handler(...(args as never[])))
    },
    open: (stream, args, handlers) => openStream(world, stream, args, handlers),
  }
}

function openStream(
  world: World,
  stream: string,
  args: readonly unknown[],
  handlers: Handlers,
): OpenStream<unknown> {
  const set = world.listeners.get(stream) ?? new Set()
  world.listeners.set(stream, set.add(handlers))
  const timers: ReturnType<typeof setInterval>[] = []
  const every = (ms: number, run: () => void): void => void timers.push(setInterval(run, ms))
  if (stream === 'machine.states') setTimeout(() => handlers.data(world.machine), 10)
  if (stream === 'containers.allStats') {
    const send = () =>
      void handlers.data(
        world.containers.filter((one) => one.State === 'running').map((one) => fakeStats(one)),
      )
    for (let i = 0; i < 20; i++) setTimeout(send, 5 + i)
    every(1000, send)
  }
  if (stream === 'containers.stats') {
    const one = world.find(String(args[0]))
    for (let i = 40; i > 0; i--)
      setTimeout(
        () => handlers.data({ ...fakeStats(one), read: new Date(Date.now() - i * 1000).toISOString() }),
        5,
      )
    every(1000, () => handlers.data(fakeStats(one)))
  }
  if (stream === 'containers.logs') fakeLogs(handlers, every, Number(world.query.get('logs') ?? 1))
  if (stream === 'machine.logs')
    void handlers.data(
      '[    0.000000] Linux version 6.12.43+deb13-cloud-amd64\n[    1.204110] EXT4-fs (vda): mounted filesystem',
    )
  if (stream === 'containers.terminal') return fakeTerminal(handlers)
  if (stream === 'images.pull') fakePull(String(args[0]), handlers, every)
  return {
    send: async () => undefined,
    finish: () => undefined,
    close: () => {
      set.delete(handlers)
      timers.forEach(clearInterval)
    },
  }
}

import type { Duplex } from 'node:stream'
import type { ExecCreateRequest, ExecInspect } from '../../../api/containers.ts'
import { compact, execSchema, execStartSchema } from '../../containers/create-schema.ts'
import type { Context, Route } from '../router.ts'
import { compareVersions } from '../version-prefix.ts'
import { hijackedType, terminalSize } from './containers.ts'

interface ExecBackend {
  create(reference: string, request: ExecCreateRequest): Promise<{ Id: string }>
  check(id: string): void
  startDetached(id: string): Promise<void>
  start(id: string, client: Duplex, options: { raw: boolean; size?: [number, number] }): Promise<void>
  resize(id: string, size: { rows: number; columns: number }): void
  inspect(id: string): ExecInspect
}

export function execRoutes(execs: ExecBackend): Route[] {
  return [
    {
      method: 'POST',
      path: '/containers/{id}/exec',
      handler: async (ctx) => {
        const request = compact<ExecCreateRequest>(await ctx.json(execSchema, { optional: true }))
        ctx.send(201, await execs.create(ctx.param('id'), request))
      },
    },
    { method: 'POST', path: '/exec/{id}/start', handler: (ctx) => start(ctx, execs) },
    {
      method: 'POST',
      path: '/exec/{id}/resize',
      handler: (ctx) => {
        execs.resize(ctx.param('id'), terminalSize(ctx))
        ctx.empty(200)
      },
    },
    {
      method: 'GET',
      path: '/exec/{id}/json',
      handler: (ctx) => ctx.send(200, execs.inspect(ctx.param('id'))),
    },
  ]
}

async function start(ctx: Context, execs: ExecBackend): Promise<void> {
  const id = ctx.param('id')
  const body = await ctx.json(execStartSchema, { optional: true })
  execs.check(id)
  if (body.Detach) {
    await execs.startDetached(id)
    ctx.empty(200)
    return
  }
  // Whether the output is framed is told by this request, whatever the exec was made with.
  const raw = body.Tty ?? false
  const sized = raw && compareVersions(ctx.apiVersion, '1.42') >= 0 ? body.ConsoleSize : undefined
  const client = await ctx.hijack({ contentType: hijackedType(ctx, raw) })
  await execs.start(id, client, { raw, ...(sized ? { size: sized } : {}) })
}

/** Routes of a container's files: archive in and out, changes, export, commit. */
import type { Readable } from 'node:stream'
import type { Change, ContainerConfig } from '../../../api/containers.ts'
import { EngineError } from '../../../api/errors.ts'
import type { ContainerFile } from '../../../api/slipway.ts'
import { compact, configSchema } from '../../containers/create-schema.ts'
import type { Context, Route } from '../router.ts'

interface FilesBackend {
  stat(reference: string, path: string): Promise<object>
  get(
    reference: string,
    path: string,
    signal: AbortSignal,
  ): Promise<{ stat: object; tar: AsyncIterable<Uint8Array> }>
  put(
    reference: string,
    path: string,
    body: Readable,
    options: { noOverwriteDirNonDir: boolean; copyUidGid: boolean; signal: AbortSignal },
  ): Promise<void>
  list(reference: string, path: string): Promise<ContainerFile[]>
  remove(reference: string, path: string): Promise<void>
  changes(reference: string): Promise<Change[] | null>
  export(reference: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>
  commit(
    reference: string,
    options: {
      reference: string | undefined
      comment: string
      author: string
      pause: boolean
      changes: string[]
      config: ContainerConfig
      signal: AbortSignal
    },
  ): Promise<string>
}

const STAT_HEADER = 'X-Docker-Container-Path-Stat'
const encode = (stat: object) => Buffer.from(JSON.stringify(stat)).toString('base64')

export function archiveRoutes(files: FilesBackend): Route[] {
  const path = '/containers/{id}/archive'
  return [
    { method: 'HEAD', path, handler: (ctx) => head(ctx, files) },
    { method: 'GET', path, handler: (ctx) => get(ctx, files) },
    { method: 'PUT', path, handler: (ctx) => put(ctx, files) },
    {
      method: 'GET',
      path: '/slipway/containers/{id}/files',
      handler: async (ctx) => ctx.send(200, await files.list(ctx.param('id'), wantedPath(ctx))),
    },
    {
      method: 'DELETE',
      path: '/slipway/containers/{id}/files',
      handler: async (ctx) => {
        await files.remove(ctx.param('id'), wantedPath(ctx))
        ctx.empty(204)
      },
    },
    {
      method: 'GET',
      path: '/containers/{id}/changes',
      handler: async (ctx) => ctx.send(200, await files.changes(ctx.param('id'))),
    },
    {
      method: 'GET',
      path: '/containers/{id}/export',
      handler: async (ctx) =>
        ctx.stream('application/octet-stream', await files.export(ctx.param('id'), ctx.signal)),
    },
    { method: 'POST', path: '/commit', handler: (ctx) => commit(ctx, files) },
  ]
}

function wantedPath(ctx: Context): string {
  const path = ctx.query.get('path') ?? ''
  if (path === '') throw new EngineError('invalid_argument', 'bad parameter: path cannot be empty')
  return path
}

async function head(ctx: Context, files: FilesBackend): Promise<void> {
  ctx.response.setHeader(STAT_HEADER, encode(await files.stat(ctx.param('id'), wantedPath(ctx))))
  ctx.empty(200)
}

async function get(ctx: Context, files: FilesBackend): Promise<void> {
  const { stat, tar } = await files.get(ctx.param('id'), wantedPath(ctx), ctx.signal)
  await ctx.stream('application/x-tar', tar, { headers: { [STAT_HEADER]: encode(stat) } })
}

async function put(ctx: Context, files: FilesBackend): Promise<void> {
  await files.put(ctx.param('id'), wantedPath(ctx), ctx.body, {
    noOverwriteDirNonDir: ctx.flag('noOverwriteDirNonDir'),
    copyUidGid: ctx.flag('copyUIDGID'),
    signal: ctx.signal,
  })
  ctx.empty(200)
}

async function commit(ctx: Context, files: FilesBackend): Promise<void> {
  const config = compact<ContainerConfig>(await ctx.json(configSchema, { optional: true }))
  const text = (name: string) => ctx.query.get(name) ?? ''
  const repo = text('repo')
  const id = await files.commit(text('container'), {
    reference: repo === '' ? undefined : `${repo}:${text('tag') || 'latest'}`,
    comment: text('comment'),
    author: text('author'),
    pause: ctx.flag('pause', true),
    changes: ctx.query.getAll('changes'),
    config,
    signal: ctx.signal,
  })
  ctx.send(201, { Id: id })
}

/** Routes of a volume's files, for the window. */
import type { Readable } from 'node:stream'
import { EngineError } from '../../../api/errors.ts'
import type { ContainerFile } from '../../../api/slipway.ts'
import type { Context, Route } from '../router.ts'

interface VolumeFilesBackend {
  list(name: string, path: string): Promise<ContainerFile[]>
  remove(name: string, path: string): Promise<void>
  get(name: string, path: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>
  put(name: string, path: string, body: Readable, signal: AbortSignal): Promise<void>
}

export function volumeFileRoutes(files: VolumeFilesBackend): Route[] {
  const path = '/slipway/volumes/{name}/files'
  const archive = '/slipway/volumes/{name}/archive'
  return [
    {
      method: 'GET',
      path,
      handler: async (ctx) => ctx.send(200, await files.list(ctx.param('name'), wantedPath(ctx))),
    },
    {
      method: 'DELETE',
      path,
      handler: async (ctx) => {
        await files.remove(ctx.param('name'), wantedPath(ctx))
        ctx.empty(204)
      },
    },
    {
      method: 'GET',
      path: archive,
      handler: async (ctx) =>
        ctx.stream('application/x-tar', await files.get(ctx.param('name'), wantedPath(ctx), ctx.signal)),
    },
    {
      method: 'PUT',
      path: archive,
      handler: async (ctx) => {
        await files.put(ctx.param('name'), wantedPath(ctx), ctx.body, ctx.signal)
        ctx.empty(200)
      },
    },
  ]
}

function wantedPath(ctx: Context): string {
  const path = ctx.query.get('path') ?? ''
  if (path === '') throw new EngineError('invalid_argument', 'bad parameter: path cannot be empty')
  return path
}

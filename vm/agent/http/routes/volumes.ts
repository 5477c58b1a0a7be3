import * as v from 'valibot'
import type { Volume, VolumeCreateRequest, VolumesListResponse } from '../../../api/volumes.ts'
import type { Filters, Route } from '../router.ts'

interface VolumesBackend {
  create(request: VolumeCreateRequest): Promise<Volume>
  inspect(name: string): Promise<Volume>
  list(filters: Filters): Promise<VolumesListResponse>
  remove(name: string, options: { force?: boolean }): Promise<void>
  prune(filters: Filters): Promise<{ VolumesDeleted: string[] | null; SpaceReclaimed: number }>
}

const map = v.nullish(v.record(v.string(), v.string()), null)
const createSchema = v.object({
  Name: v.nullish(v.string(), ''),
  Driver: v.nullish(v.string(), ''),
  DriverOpts: map,
  Labels: map,
})

export function volumeRoutes(backend: VolumesBackend): Route[] {
  return [
    {
      method: 'GET',
      path: '/volumes',
      handler: async (ctx) => ctx.send(200, await backend.list(ctx.filters())),
    },
    {
      method: 'POST',
      path: '/volumes/create',
      handler: async (ctx) =>
        ctx.send(201, await backend.create(await ctx.json(createSchema, { optional: true }))),
    },
    {
      method: 'POST',
      path: '/volumes/prune',
      handler: async (ctx) => ctx.send(200, await backend.prune(pruneFilters(ctx.filters(), ctx.apiVersion))),
    },
    {
      method: 'GET',
      path: '/volumes/{name}',
      handler: async (ctx) => ctx.send(200, await backend.inspect(ctx.param('name'))),
    },
    {
      method: 'DELETE',
      path: '/volumes/{name}',
      handler: async (ctx) => {
        await backend.remove(ctx.param('name'), { force: ctx.flag('force') })
        ctx.empty(204)
      },
    },
  ]
}

/** Before API 1.42 prune took named volumes too. */
function pruneFilters(filters: Filters, version: string): Filters {
  return Number(version.split('.')[1]) < 42 ? { ...filters, all: ['true'] } : filters
}

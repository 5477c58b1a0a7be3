import type { MethodsOf, Parts } from './parts.ts'

type Files = `volumes.${'files' | 'readFile' | 'writeFile' | 'deleteFile'}`

export function volumeMethods({ engine: { volumes } }: Parts): Omit<MethodsOf<'volumes'>, Files> {
  return {
    'volumes.list': (_args, { signal }) => volumes.list({ signal }),
    'volumes.create': ([body], { signal }) => volumes.create(body, { signal }),
    'volumes.remove': ([name, { force }], { signal }) => volumes.remove(name, { force, signal }),
    'volumes.prune': ([{ all }], { signal }) => volumes.prune({ all, signal }),
  }
}

export function networkMethods({ engine: { networks } }: Parts): MethodsOf<'networks'> {
  return {
    'networks.list': (_args, { signal }) => networks.list({ signal }),
    'networks.inspect': ([id], { signal }) => networks.inspect(id, { signal }),
    'networks.create': ([body], { signal }) => networks.create(body, { signal }),
    'networks.remove': ([id], { signal }) => networks.remove(id, { signal }),
    'networks.connect': ([id, body], { signal }) => networks.connect(id, body, { signal }),
    'networks.disconnect': ([id, body], { signal }) => networks.disconnect(id, body, { signal }),
    'networks.prune': (_args, { signal }) => networks.prune({ signal }),
  }
}

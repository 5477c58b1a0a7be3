import { EngineError } from '../../vm/api/errors.ts'
import { registryHost } from '../registry-accounts.ts'
import type { MethodsOf, Parts } from './parts.ts'

export function registryMethods({ accounts, engine }: Parts): MethodsOf<'registries'> {
  return {
    'registries.list': () => accounts.list(),
    'registries.login': async ([address, user, password], { signal }) => {
      const host = registryHost(address)
      if (!/^[\w.-]+(:\d+)?$|^\[[\da-f:]+\](:\d+)?$/i.test(host))
        throw new EngineError('invalid_argument', `${address}: not the address of a registry`)
      await engine.images.login({ username: user, password, serveraddress: host }, { signal })
      await accounts.put({ host, user, password })
    },
    'registries.logout': ([host]) => accounts.remove(host),
  }
}

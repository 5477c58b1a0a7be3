import { EngineError } from '../../vm/api/errors.ts'
import type { Settings } from '../settings-schema.ts'
import { checkSharedFolders } from '../shared-folders.ts'
import { valuesOf } from './latest.ts'
import type { MethodsOf, Parts, StreamsOf } from './parts.ts'

export function settingsMethods({ settings }: Parts): MethodsOf<'settings'> {
  return {
    'settings.get': () => settings.value,
    'settings.set': async ([patch]) => {
      if (Object.keys(patch).length === 0)
        throw new EngineError('invalid_argument', 'settings: nothing to set')
      const { sharedFolders } = patch
      if (sharedFolders === undefined) return await settings.patch(patch)
      const known = settings.value.sharedFolders
      return await settings.patch({
        ...patch,
        sharedFolders: await checkSharedFolders(sharedFolders, known),
      })
    },
    'settings.defaults': () => settings.defaults,
  }
}

export function settingsStreams({ settings }: Parts): StreamsOf<'settings'> {
  return {
    'settings.changes': (_args, { signal }) => valuesOf<Settings>((emit) => settings.subscribe(emit), signal),
  }
}

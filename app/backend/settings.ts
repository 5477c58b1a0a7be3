import { EngineError } from '../../vm/api/errors.ts'
import type { Settings } from '../settings-schema.ts'
import { valuesOf } from './latest.ts'
import type { MethodsOf, Parts, StreamsOf } from './parts.ts'

export function settingsMethods({ settings }: Parts): MethodsOf<'settings'> {
  return {
    'settings.get': () => settings.value,
    'settings.set': ([patch]) => {
      if (Object.keys(patch).length === 0)
        throw new EngineError('invalid_argument', 'settings: nothing to set')
      return settings.patch(patch)
    },
  }
}

export function settingsStreams({ settings }: Parts): StreamsOf<'settings'> {
  return {
    'settings.changes': (_args, { signal }) => valuesOf<Settings>((emit) => settings.subscribe(emit), signal),
  }
}

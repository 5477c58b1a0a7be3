import { EngineError } from '../../vm/api/errors.ts'
import { completeFolder } from '../shared-folders.ts'
import type { MethodsOf, Parts } from './parts.ts'

export function folderMethods({ settings, shell }: Parts): MethodsOf<'folders'> {
  return {
    'folders.complete': ([text]) => completeFolder(text, settings.value.sharedFolders),
    'folders.choose': async () => {
      if (!shell.chooseFolder) throw new EngineError('not_implemented', 'there is no dialog for folders here')
      return await shell.chooseFolder()
    },
  }
}

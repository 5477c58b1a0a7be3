import { EngineError } from '../../vm/api/errors.ts'
import { diagnostics } from './diagnostics.ts'
import type { MethodsOf, Parts } from './parts.ts'

export function appMethods(parts: Parts): MethodsOf<'app'> {
  const { version, home, shell } = parts
  return {
    'app.info': () => ({
      version,
      platform: process.platform as 'darwin' | 'win32' | 'linux',
      arch: process.arch,
      shell: shell.kind,
      headless: shell.headless,
      home: home.root,
      dockerHost: home.dockerHost,
      locale: shell.locale(),
    }),
    'app.openExternal': ([url]) => shell.openExternal(url),
    'app.diagnostics': (_args, { signal }) => diagnostics(parts, { signal }),
    'app.quit': () => shell.quit({ stopMachine: true }),
    'app.release': () => {
      if (!shell.headless) throw new EngineError('conflict', 'Slipway has a window open; close it first')
      shell.quit({ stopMachine: false })
    },
    'app.open': () => shell.open(),
  }
}

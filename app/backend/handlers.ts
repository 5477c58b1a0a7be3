import type { MethodHandlers, StreamHandlers } from '../dispatch.ts'
import { appMethods } from './app.ts'
import { containerStreams, volumeStreams } from './container-streams.ts'
import { containerMethods } from './containers.ts'
import { fileMethods } from './files.ts'
import { folderMethods } from './folders.ts'
import { buildMethods, imageMethods, imageStreams } from './images.ts'
import { machineMethods, machineStreams } from './machine.ts'
import { networkMethods, volumeMethods } from './networks.ts'
import type { Parts } from './parts.ts'
import { portMethods } from './ports.ts'
import { recreateMethods } from './recreate.ts'
import { registryMethods } from './registries.ts'
import { settingsMethods, settingsStreams } from './settings.ts'
import { eventStreams, systemMethods } from './system.ts'

/** The whole contract, area by area; a method without a handler does not compile. */
export function handlers(parts: Parts): { methods: MethodHandlers; streams: StreamHandlers } {
  return {
    methods: {
      ...appMethods(parts),
      ...settingsMethods(parts),
      ...folderMethods(parts),
      ...machineMethods(parts),
      ...systemMethods(parts),
      ...containerMethods(parts),
      ...recreateMethods(parts),
      ...fileMethods(parts),
      ...portMethods(parts),
      ...imageMethods(parts),
      ...volumeMethods(parts),
      ...networkMethods(parts),
      ...buildMethods(parts),
      ...registryMethods(parts),
    },
    streams: {
      ...machineStreams(parts),
      ...settingsStreams(parts),
      ...eventStreams(parts),
      ...containerStreams(parts),
      ...volumeStreams(parts),
      ...imageStreams(parts),
    },
  }
}

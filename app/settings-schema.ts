/** What the user may set; one JSON file under SLIPWAY_HOME. Shared by the contract, the store and the Settings page. */
import * as v from 'valibot'

const integer = (min: number, max: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(max))

/** Columns of the containers' list that may be left out; the name is always there. */
export const CONTAINER_COLUMNS = [
  'id',
  'image',
  'command',
  'state',
  'ports',
  'cpu',
  'memory',
  'created',
] as const
export type ContainerColumn = (typeof CONTAINER_COLUMNS)[number]

const settingsEntries = {
  /** Virtual CPUs; applied at the next start of the machine. */
  cpus: integer(1, 64),
  /** MiB of guest memory; applied at the next start. */
  memoryMiB: integer(512, 262_144),
  /** GiB of the data disk; grows only; applied at the next start. */
  diskGiB: integer(4, 4096),
  portModel: v.picklist(['direct', 'double']),
  registryMirrors: v.array(v.pipe(v.string(), v.url())),
  insecureRegistries: v.array(v.pipe(v.string(), v.nonEmpty())),
  httpProxy: v.string(),
  httpsProxy: v.string(),
  noProxy: v.string(),
  /** Folders of this computer that containers may be given, absolute, with all that is below them. */
  sharedFolders: v.pipe(v.array(v.pipe(v.string(), v.nonEmpty())), v.maxLength(100)),
  startAtLogin: v.boolean(),
  /** Start the engine when the app opens. */
  startEngineOnOpen: v.boolean(),
  /** Closing the window leaves app and engine running in the tray. */
  closeToTray: v.boolean(),
  notifications: v.boolean(),
  language: v.picklist(['system', 'en', 'ko']),
  theme: v.picklist(['system', 'light', 'dark']),
  containerColumns: v.array(v.picklist(CONTAINER_COLUMNS)),
  terminalFontSize: integer(8, 32),
  terminalFontFamily: v.string(),
}

export const settingsSchema = v.strictObject(settingsEntries)
export type Settings = v.InferOutput<typeof settingsSchema>

/** Unknown keys are refused by name; every key is optional. */
export const settingsPatchSchema = v.partial(settingsSchema)
export type SettingsPatch = v.InferOutput<typeof settingsPatchSchema>

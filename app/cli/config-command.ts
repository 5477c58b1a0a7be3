import * as v from 'valibot'
import { type Settings, type SettingsPatch, settingsSchema } from '../settings-schema.ts'
import { type Command, UsageError } from './command.ts'
import { type Context, ensureOwner } from './context.ts'

export const config: Command = {
  usage: 'get [KEY] | set KEY VALUE',
  summary: 'Shows and changes the settings.',
  help: `Keys: ${Object.keys(settingsSchema.entries).join(', ')}\nLists are written with commas: slipway config set registryMirrors http://10.0.2.2:5000`,
  words: [1, 3],
  async run(context, { words }) {
    const [verb, key, value] = words
    if (verb === 'get' && words.length <= 2) return await get(context, key)
    if (verb === 'set' && key !== undefined && value !== undefined) return await set(context, key, value)
    throw new UsageError('slipway config: get [KEY], or set KEY VALUE')
  },
}

async function get(context: Context, key: string | undefined): Promise<number> {
  if (key !== undefined) known(key)
  await ensureOwner(context)
  const settings = await context.client.call('settings.get', [])
  const entries = Object.entries(settings).filter(([name]) => key === undefined || name === key)
  for (const [name, value] of entries) {
    const text = Array.isArray(value) ? value.join(',') : String(value)
    context.out.line(key === undefined ? `${name}=${text}` : text)
  }
  return 0
}

async function set(context: Context, key: string, value: string): Promise<number> {
  const patch = parseSetting(key, value)
  await ensureOwner(context)
  await context.client.call('settings.set', [patch])
  const { state } = await context.client.call('machine.state', [])
  if (RESTART.has(key) && state !== 'stopped' && state !== 'failed') {
    context.out.note('Takes effect at the next start: slipway restart')
  }
  return 0
}

const RESTART = new Set<string>(['cpus', 'memoryMiB', 'diskGiB'])

function known(key: string): keyof Settings {
  if (!Object.hasOwn(settingsSchema.entries, key))
    throw new UsageError(`slipway config: no such setting: ${key}`)
  return key as keyof Settings
}

/** A value from the command line as the setting's own type; UsageError when it does not fit. */
export function parseSetting(key: string, text: string): SettingsPatch {
  const name = known(key)
  const schema = settingsSchema.entries[name] as v.GenericSchema
  const readings: unknown[] = [
    text,
    Number(text),
    text === 'true' ? true : text === 'false' ? false : undefined,
  ]
  readings.push(text === '' ? [] : text.split(','))
  for (const reading of readings) {
    const parsed = v.safeParse(schema, reading)
    if (parsed.success) return { [name]: parsed.output }
  }
  throw new UsageError(`slipway config: ${key}: ${complaint(schema, text)}`)
}

function complaint(schema: v.GenericSchema, text: string): string {
  if (schema.type === 'number' && !/^-?\d+$/.test(text)) return `${text} is not a whole number`
  const reading = schema.type === 'number' ? Number(text) : schema.type === 'array' ? text.split(',') : text
  return v.safeParse(schema, reading).issues?.[0].message ?? 'does not fit'
}

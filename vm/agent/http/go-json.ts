/**
 * Request bodies as Go's encoding/json takes them, which clients of dockerd rely on: member names in any case, and
 * errors in its words. Pure.
 */
import type * as v from 'valibot'
import { EngineError } from '../../api/errors.ts'

/** A schema with what it is made of; valibot keeps these as plain members. */
type Schema = v.GenericSchema & {
  entries?: Record<string, Schema>
  item?: Schema
  value?: Schema
  wrapped?: Schema
  /** A title is the name of the Go struct, which its messages begin with. */
  pipe?: readonly { type: string; title?: string }[]
}

/** The value in `text`; a text that is none is refused in Go's words. */
export function parseGoJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw invalid(syntaxError(text, cause instanceof Error ? cause.message : ''), cause)
  }
}

function syntaxError(text: string, message: string): string {
  const at = Number(/at position ([0-9]+)/.exec(message)?.[1] ?? text.trimEnd().length)
  const character = /^Unexpected token '(.)', "/su.exec(message)?.[1] ?? text[at]
  if (/after JSON at/.test(message)) return 'unexpected content after JSON'
  if (character === undefined) return 'invalid JSON: unexpected EOF'
  const where = /^(Expected (double-quoted )?property name)/.test(message)
    ? // A text that ends where the first name should stand is cut off, too.
      text.slice(at).trim() === '{'
      ? undefined
      : 'looking for beginning of object key string'
    : /control character/.test(message)
      ? 'in string literal'
      : 'looking for beginning of value'
  return where === undefined
    ? 'invalid JSON: unexpected EOF'
    : `invalid JSON: invalid character ${quoted(character)} ${where}`
}

function quoted(character: string): string {
  if (character === "'") return "'\\''"
  const code = character.charCodeAt(0)
  return code < 32 ? `'\\x${code.toString(16).padStart(2, '0')}'` : `'${character}'`
}

/** `value` with member names as the schema spells them; a value of another kind is refused by its path. */
export function conform(value: unknown, schema: v.GenericSchema, given = ''): unknown {
  const { type, entries, item, value: member, wrapped, pipe } = schema as Schema
  const path = given === '' ? (pipe?.find(({ title }) => title)?.title ?? '') : given
  if (value === null) return emptyOf(type)
  if (value === undefined) return value
  if (wrapped) return conform(value, wrapped, path)
  switch (type) {
    case 'object':
    case 'loose_object':
      return conformMembers(objectOf(value, given, 'struct'), entries ?? {}, path)
    case 'record':
      return Object.fromEntries(
        Object.entries(objectOf(value, path, 'map')).map(([key, one]) => [
          key,
          member ? conform(one, member, `${path}.${key}`) : one,
        ]),
      )
    case 'array':
      if (!Array.isArray(value)) throw mismatch(value, path, '[]string')
      return item ? value.map((one, index) => conform(one, item, `${path}.${index}`)) : value
    case 'union':
      // A command: one line, or words.
      if (
        typeof value === 'string' ||
        (Array.isArray(value) && value.every((word) => typeof word === 'string'))
      )
        return value
      throw mismatch(value, '', 'string')
    case 'string':
      if (typeof value !== 'string') throw mismatch(value, path, 'string')
      return value
    case 'boolean':
      if (typeof value !== 'boolean') throw mismatch(value, path, 'bool')
      return value
    case 'number':
      if (typeof value !== 'number' || (pipe?.some(isInteger) && !isInt64(value))) {
        throw mismatch(value, path, 'int64')
      }
      return value
    default:
      return value
  }
}

/** Null leaves the empty value, in members, maps and slices; a schema that takes null itself is given it. */
function emptyOf(type: string): unknown {
  if (type === 'optional') return undefined
  if (type === 'string') return ''
  if (type === 'number') return 0
  if (type === 'boolean') return false
  return null
}

function conformMembers(value: object, entries: Record<string, Schema>, path: string): object {
  const result: Record<string, unknown> = {}
  for (const [name, one] of Object.entries(value)) {
    const known = name in entries ? name : Object.keys(entries).find((key) => sameName(key, name))
    const schema = known === undefined ? undefined : entries[known]
    result[known ?? name] = schema ? conform(one, schema, `${path}.${known}`) : one
  }
  return result
}

function sameName(a: string, b: string): boolean {
  return a.length === b.length && a.toLowerCase() === b.toLowerCase()
}

const isInteger = (action: { type: string }) => action.type === 'integer'
const isInt64 = (value: number) => Number.isInteger(value) && Math.abs(value) < 2 ** 63

function objectOf(value: unknown, path: string, type: string): object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw mismatch(value, path, type)
  return value
}

function mismatch(value: unknown, path: string, type: string): EngineError {
  const kind = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value
  const given = kind === 'number' && type === 'int64' ? `number ${value}` : kind
  const target = path === '' ? 'Go value' : `Go struct field ${path}`
  return invalid(
    `invalid JSON: json: cannot unmarshal ${given} into ${target} of type ${type}`,
    undefined,
    path,
  )
}

function invalid(message: string, cause?: unknown, path = ''): EngineError {
  return new EngineError('invalid_argument', message, {
    ...(cause === undefined ? {} : { cause }),
    ...(path === '' ? {} : { details: { field: path.slice(path.indexOf('.') + 1) } }),
  })
}

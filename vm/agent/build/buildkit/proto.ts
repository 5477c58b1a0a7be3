/**
 * Protocol buffer messages described by their fields. BuildKit's messages need strings, bytes, numbers, messages, lists
 * and maps, and no more; fields that are not described are skipped. Pure.
 */
import { WireReader, WireType, WireWriter } from './wire.ts'

export interface Field<T> {
  readonly number: number
  /** The value of a field that is not there. */
  initial(): T
  read(reader: WireReader, before: T, type: number): T
  write(writer: WireWriter, value: T): void
}
type Shape = Record<string, Field<unknown>>
export type ValueOf<S extends Shape> = { [K in keyof S]: S[K] extends Field<infer T> ? T : never }

export interface Message<T> {
  /** Fields that are not given have their initial value and take no room. */
  encode(value: Partial<T>): Buffer
  decode(bytes: Uint8Array): T
}
export type MessageOf<M> = M extends Message<infer T> ? T : never

export function message<S extends Shape>(shape: S): Message<ValueOf<S>> {
  const fields = Object.entries(shape)
  const byNumber = new Map(fields.map(([name, field]) => [field.number, { name, field }]))
  return {
    encode(value) {
      const writer = new WireWriter()
      const given = value as Record<string, unknown>
      for (const [name, field] of fields) if (given[name] !== undefined) field.write(writer, given[name])
      return writer.finish()
    },
    decode(bytes) {
      const result = Object.fromEntries(fields.map(([name, field]) => [name, field.initial()]))
      const reader = new WireReader(bytes)
      while (!reader.done) {
        const { number, type } = reader.tag()
        const known = byNumber.get(number)
        if (known) result[known.name] = known.field.read(reader, result[known.name], type)
        else reader.skip(type)
      }
      return result as ValueOf<S>
    },
  }
}

interface Element<T> {
  initial(): T
  read(reader: WireReader): T
  write(writer: WireWriter, number: number, value: T): void
  isInitial(value: T): boolean
}

const STRING: Element<string> = {
  initial: () => '',
  read: (reader) => reader.bytes().toString('utf8'),
  write: (writer, number, value) => writer.bytes(number, Buffer.from(value)),
  isInitial: (value) => value === '',
}
const BYTES: Element<Uint8Array> = {
  initial: () => new Uint8Array(),
  read: (reader) => reader.bytes(),
  write: (writer, number, value) => writer.bytes(number, value),
  isInitial: (value) => value.length === 0,
}
const INT: Element<number> = {
  initial: () => 0,
  read: (reader) => reader.varint(),
  write: (writer, number, value) => writer.varint(number, value),
  isInitial: (value) => value === 0,
}
const BOOL: Element<boolean> = {
  initial: () => false,
  read: (reader) => reader.varint() !== 0,
  write: (writer, number, value) => writer.varint(number, value ? 1 : 0),
  isInitial: (value) => !value,
}

export const string = (number: number) => scalar(number, STRING)
export const bytes = (number: number) => scalar(number, BYTES)
/** Integers and enumerations of any width that are not negative. */
export const int = (number: number) => scalar(number, INT)
export const bool = (number: number) => scalar(number, BOOL)
export const strings = (number: number) => list(number, STRING)
export const byteStrings = (number: number) => list(number, BYTES)

/** A message that may be missing. */
export function nested<T>(number: number, type: Message<T>): Field<Partial<T> | undefined> {
  return {
    number,
    initial: () => undefined,
    read: (reader) => type.decode(reader.bytes()),
    write: (writer, value) => {
      if (value !== undefined) writer.bytes(number, type.encode(value))
    },
  }
}

export function messages<T>(number: number, type: Message<T>): Field<Partial<T>[]> {
  return list<Partial<T>>(number, {
    initial: () => ({}),
    read: (reader) => type.decode(reader.bytes()),
    write: (writer, at, value) => writer.bytes(at, type.encode(value)),
    isInitial: () => false,
  })
}

export const stringMap = (number: number) => map(number, STRING)
export const bytesMap = (number: number) => map(number, BYTES)
export function messageMap<T>(number: number, type: Message<T>): Field<Record<string, Partial<T>>> {
  return map<Partial<T>>(number, {
    initial: () => ({}),
    read: (reader) => type.decode(reader.bytes()),
    write: (writer, at, value) => writer.bytes(at, type.encode(value)),
    isInitial: () => false,
  })
}

const Timestamp = message({ seconds: int(1), nanos: int(2) })

/** Milliseconds since the epoch. */
export function timestamp(number: number): Field<number | undefined> {
  const inner = nested(number, Timestamp)
  return {
    number,
    initial: () => undefined,
    read: (reader) => {
      const { seconds, nanos } = Timestamp.decode(reader.bytes())
      return seconds * 1000 + Math.floor(nanos / 1e6)
    },
    write: (writer, value) => {
      if (value === undefined) return
      inner.write(writer, { seconds: Math.floor(value / 1000), nanos: Math.floor(value % 1000) * 1e6 })
    },
  }
}

function scalar<T>(number: number, element: Element<T>): Field<T> {
  return {
    number,
    initial: element.initial,
    read: (reader) => element.read(reader),
    write: (writer, value) => {
      if (!element.isInitial(value)) element.write(writer, number, value)
    },
  }
}

function list<T>(number: number, element: Element<T>): Field<T[]> {
  return {
    number,
    initial: () => [],
    read: (reader, before, type) => {
      // Numbers may come packed, but no list that is described here is one of numbers.
      if (type !== WireType.BYTES) reader.skip(type)
      else before.push(element.read(reader))
      return before
    },
    write: (writer, value) => {
      for (const item of value) element.write(writer, number, item)
    },
  }
}

function map<T>(number: number, element: Element<T>): Field<Record<string, T>> {
  const value = scalar(2, element)
  const read = (bytesOfEntry: Uint8Array): [string, T] => {
    const reader = new WireReader(bytesOfEntry)
    let entry: [string, T] = ['', element.initial()]
    while (!reader.done) {
      const { number: at, type } = reader.tag()
      if (at === 1) entry = [STRING.read(reader), entry[1]]
      else if (at === 2) entry = [entry[0], value.read(reader, entry[1], type)]
      else reader.skip(type)
    }
    return entry
  }
  return {
    number,
    initial: () => ({}),
    read: (reader, before) => {
      const [key, item] = read(reader.bytes())
      // Keys are the client's: none may mean more than itself.
      return { ...before, [key]: item }
    },
    write: (writer, items) => {
      for (const [key, item] of Object.entries(items)) {
        const entry = new WireWriter()
        STRING.write(entry, 1, key)
        element.write(entry, 2, item)
        writer.bytes(number, entry.finish())
      }
    },
  }
}

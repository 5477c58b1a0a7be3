import * as v from 'valibot'
import { expect, test } from 'vitest'
import { createSchema } from '../containers/create-schema.ts'
import { conform, parseGoJson } from './go-json.ts'

test.each([
  ['{', 'invalid JSON: unexpected EOF'],
  ['{"a":', 'invalid JSON: unexpected EOF'],
  ['{} {}', 'unexpected content after JSON'],
  ['{"a":1} x', 'unexpected content after JSON'],
  ["{'a':1}", "invalid JSON: invalid character '\\'' looking for beginning of object key string"],
  ['{"a":1,}', "invalid JSON: invalid character '}' looking for beginning of object key string"],
  ['x', "invalid JSON: invalid character 'x' looking for beginning of value"],
  ['{"a":"b\u0001c"}', "invalid JSON: invalid character '\\x01' in string literal"],
])('%s is no JSON', (text, message) => {
  expect(() => parseGoJson(text)).toThrow(message)
})

test('member names count in any case, deep down too', () => {
  expect(
    conform(
      {
        image: 'busybox',
        hostconfig: { MEMORY: 1, portbindings: { '80/tcp': [{ hostport: '1' }] } },
        Other: 1,
      },
      createSchema,
    ),
  ).toEqual({
    Image: 'busybox',
    HostConfig: { Memory: 1, PortBindings: { '80/tcp': [{ HostPort: '1' }] } },
    Other: 1,
  })
})

test('null is the empty value, in maps too', () => {
  const body = { Volumes: { '/x': null }, Labels: { a: null }, Env: null, HostConfig: { LogConfig: null } }
  expect(v.parse(createSchema, conform(body, createSchema))).toEqual({
    Volumes: { '/x': {} },
    Labels: { a: '' },
    Env: null,
    HostConfig: { LogConfig: null },
  })
})

test('null is the empty value wherever it stands', () => {
  const schema = v.object({
    Driver: v.optional(v.string(), 'default'),
    Force: v.optional(v.boolean(), false),
    Names: v.array(v.string()),
    Options: v.record(v.string(), v.string()),
    Rates: v.array(v.object({ Path: v.string(), Rate: v.number(), On: v.boolean() })),
  })
  const body = {
    Driver: null,
    Force: null,
    Names: ['a', null],
    Options: { a: null },
    Rates: [{ Path: null, Rate: null, On: null }],
  }
  expect(v.parse(schema, conform(body, schema))).toEqual({
    Driver: 'default',
    Force: false,
    Names: ['a', ''],
    Options: { a: '' },
    Rates: [{ Path: '', Rate: 0, On: false }],
  })
})

test.each([
  [[], 'cannot unmarshal array into Go value of type struct'],
  ['x', 'cannot unmarshal string into Go value of type struct'],
  [{ Image: 1 }, 'cannot unmarshal number into Go struct field .Image of type string'],
  [{ Env: 'A=b' }, 'cannot unmarshal string into Go struct field .Env of type []string'],
  [{ Tty: 1 }, 'cannot unmarshal number into Go struct field .Tty of type bool'],
  [{ HostConfig: [] }, 'cannot unmarshal array into Go struct field .HostConfig of type struct'],
  [
    { HostConfig: { Memory: '1g' } },
    'cannot unmarshal string into Go struct field .HostConfig.Memory of type int64',
  ],
  [
    { HostConfig: { Memory: 1.5 } },
    'cannot unmarshal number 1.5 into Go struct field .HostConfig.Memory of type int64',
  ],
  [{ HostConfig: { Memory: 1e20 } }, 'of type int64'],
  [{ Labels: [] }, 'cannot unmarshal array into Go struct field .Labels of type map'],
  [{ Labels: { a: 1 } }, 'cannot unmarshal number into Go struct field .Labels.a of type string'],
])('%j is refused by its path', (value, message) => {
  expect(() => conform(value, createSchema)).toThrow(message)
})

test('a schema with a title names the struct', () => {
  const schema = v.pipe(v.object({ Force: v.boolean() }), v.title('DisconnectOptions'))
  expect(() => conform({ Force: 'x' }, schema)).toThrow(
    'cannot unmarshal string into Go struct field DisconnectOptions.Force of type bool',
  )
  expect(() => conform('x', schema)).toThrow('into Go value of type struct')
})

import protobuf from 'protobufjs'
import { expect, it } from 'vitest'
import {
  bool,
  byteStrings,
  bytes,
  bytesMap,
  int,
  message,
  messageMap,
  messages,
  nested,
  string,
  stringMap,
  strings,
  timestamp,
} from './proto.ts'

const Inner = message({ name: string(1) })
const Ours = message({
  text: string(1),
  list: strings(2),
  data: bytes(3),
  flag: bool(4),
  size: int(5),
  inner: nested(6, Inner),
  inners: messages(7, Inner),
  map: stringMap(8),
  blobs: bytesMap(9),
  maps: messageMap(10, Inner),
  time: timestamp(11),
  parts: byteStrings(300),
})
const root = protobuf.parse(`syntax = "proto3";
  message Inner { string name = 1; }
  message Timestamp { int64 seconds = 1; int32 nanos = 2; }
  message Outer {
    string text = 1; repeated string list = 2; bytes data = 3; bool flag = 4; int64 size = 5; Inner inner = 6;
    repeated Inner inners = 7; map<string, string> map = 8; map<string, bytes> blobs = 9;
    map<string, Inner> maps = 10; Timestamp time = 11; repeated bytes parts = 300;
    int32 unknown = 12; fixed64 wide = 13; string more = 14; double d = 15;
  }`).root
const Theirs = root.lookupType('Outer')

const value = {
  text: 'grüß',
  list: ['a', ''],
  data: Buffer.from([0, 255]),
  flag: true,
  size: 2 ** 40 + 3,
  inner: { name: 'in' },
  inners: [{ name: 'y' }, { name: 'x'.repeat(300) }],
  map: { k: 'v', '': '' },
  blobs: { b: Buffer.from('bytes') },
  maps: { m: { name: 'n' } },
  time: 1_700_000_000_123,
  parts: [Buffer.from('p')],
}

it('writes what another implementation reads, and reads what it writes', () => {
  const theirs = Theirs.toObject(Theirs.decode(Ours.encode(value)), { longs: Number })
  expect(theirs).toEqual({ ...value, time: { seconds: 1_700_000_000, nanos: 123_000_000 } })
  expect(
    Ours.decode(
      Theirs.encode(Theirs.create({ ...theirs, unknown: -1, wide: 7, more: 'm', d: 1.5 })).finish(),
    ),
  ).toEqual(value)
})

it('gives initial values to what is missing, and refuses what is cut off', () => {
  expect(Ours.decode(new Uint8Array())).toMatchObject({
    text: '',
    list: [],
    flag: false,
    size: 0,
    inner: undefined,
    map: {},
  })
  expect(Ours.encode({ text: '', flag: false, size: 0 })).toHaveLength(0)
  expect(() => Ours.decode(Ours.encode(value).subarray(0, 9))).toThrow('malformed protocol buffer')
})

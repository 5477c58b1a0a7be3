import { expect, test } from 'vitest'
import { addressBytes, contains, formatAddress, overlaps, parseAddress, parsePrefix } from './address.ts'

function prefix(text: string) {
  const parsed = parsePrefix(text)
  if (!parsed) throw new Error(text)
  return parsed.prefix
}

test.each([
  ['172.17.0.1', '172.17.0.1'],
  ['::1', '::1'],
  ['2001:DB8:0:0:1::', '2001:db8:0:0:1::'],
  ['fd00:0:0:1:0:0:0:2', 'fd00:0:0:1::2'],
  ['::ffff:10.0.2.2', '::ffff:a00:202'],
  ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
  ['1:0:3:4:5:6:7:8', '1:0:3:4:5:6:7:8'],
])('%s reads and prints as %s', (text, canonical) => {
  const address = parseAddress(text)
  expect(address && formatAddress(address)).toBe(canonical)
})

test.each(['', 'x', '1.2.3', '1.2.3.256', '01.2.3.4', 'fe80::1%eth0', '1.2.3.4/8'])(
  '%j is no address',
  (text) => {
    expect(parseAddress(text)).toBeUndefined()
  },
)

test.each(['10.0.0.0', '10.0.0.0/33', '::/129', '/8', '10.0.0.0/a'])('%j is no prefix', (text) => {
  expect(parsePrefix(text)).toBeUndefined()
})

test('a prefix holds its own addresses only', () => {
  const subnet = prefix('172.18.0.0/16')
  expect(contains(subnet, { family: 4, value: 0xac120001n })).toBe(true)
  expect(contains(subnet, { family: 4, value: 0xac130001n })).toBe(false)
  expect(contains(subnet, { family: 6, value: 0xac120001n })).toBe(false)
})

test('overlap is symmetric and needs one family', () => {
  expect(overlaps(prefix('172.16.0.0/12'), prefix('172.18.1.0/24'))).toBe(true)
  expect(overlaps(prefix('172.18.1.0/24'), prefix('172.16.0.0/12'))).toBe(true)
  expect(overlaps(prefix('172.18.0.0/24'), prefix('172.18.1.0/24'))).toBe(false)
  expect(overlaps(prefix('0.0.0.0/0'), prefix('::/0'))).toBe(false)
})

test('bytes are in network order', () => {
  expect(addressBytes({ family: 4, value: 0x0a000202n }).toString('hex')).toBe('0a000202')
  expect(addressBytes({ family: 6, value: 1n }).toString('hex')).toBe(`${'0'.repeat(31)}1`)
})

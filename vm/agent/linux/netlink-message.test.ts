import { expect, test } from 'vitest'
import { decodeAttributes, decodeError, decodeMessages, encodeMessage } from './netlink-message.ts'
import { changeElements, portKey } from './nfnetlink.ts'
import { addAddress, addDefaultRoute, addVeth, deleteLink } from './rtnetlink.ts'

/** Groups of 4 bytes, as strace and the kernel's headers show them. */
function words(bytes: Buffer): string[] {
  return bytes.toString('hex').match(/.{8}/g) ?? []
}

test('an address is encoded as `ip addr add 10.77.0.2/24 brd + dev 5` sends it', () => {
  expect(words(encodeMessage(addAddress(5, Buffer.from([10, 77, 0, 2]), 24), 7))).toEqual([
    '30000000', // length 48
    '14000505', // RTM_NEWADDR, REQUEST|ACK|REPLACE|CREATE
    '07000000', // sequence
    '00000000',
    '02180000', // AF_INET, /24, no flags, scope universe
    '05000000', // index
    '08000100', // IFA_ADDRESS
    '0a4d0002',
    '08000200', // IFA_LOCAL
    '0a4d0002',
    '08000400', // IFA_BROADCAST
    '0a4d00ff',
  ])
})

test('an IPv6 address has no broadcast and skips duplicate detection', () => {
  const { payload } = addAddress(5, Buffer.alloc(16, 1), 64)
  expect(payload.subarray(0, 4).toString('hex')).toBe('0a400200')
  expect([...decodeAttributes(payload, 8).keys()]).toEqual([1, 2])
})

test('the default route goes into the main table', () => {
  expect(words(addDefaultRoute(5, Buffer.from([10, 77, 0, 1])).payload)).toEqual([
    '02000000',
    'fe030001',
    '00000000',
    '08000500',
    '0a4d0001',
    '08000400',
    '05000000',
  ])
})

test('strings end with NUL and attributes are padded to 4 bytes', () => {
  expect(words(encodeMessage(deleteLink('veth1'), 1)).slice(8)).toEqual(['0a000300', '76657468', '31000000'])
})

test('a veth carries its peer nested in its link info', () => {
  const message = addVeth({
    name: 'veth1',
    mtu: 1500,
    master: 9,
    peer: { name: 'eth0', netns: 3, mac: Buffer.from('020000000001', 'hex') },
  })
  const info = decodeAttributes(decodeAttributes(message.payload, 16).get(18) ?? Buffer.alloc(0), 0)
  expect(info.get(1)?.toString()).toBe('veth\0')
  const peer = decodeAttributes(info.get(2) ?? Buffer.alloc(0), 0).get(1) ?? Buffer.alloc(0)
  const attributes = decodeAttributes(peer, 16)
  expect(attributes.get(3)?.toString()).toBe('eth0\0')
  expect(attributes.get(28)?.readUInt32LE()).toBe(3)
})

test('set changes are one batch between its marks', () => {
  const messages = changeElements('slipway', [{ action: 'delete', set: 'publish', key: portKey('udp', 53) }])
  expect(messages.map((m) => m.type.toString(16))).toEqual(['10', 'a0e', '11'])
  expect(messages[0]?.payload.toString('hex')).toBe('0000000a')
  expect(portKey('udp', 53).toString('hex')).toBe('1100000000350000')
})

test('a datagram is split into its messages; a torn one ends the reading', () => {
  const one = encodeMessage({ type: 3, flags: 0, payload: Buffer.from([1, 2, 3]), subject: '' }, 1)
  const two = encodeMessage({ type: 4, flags: 0, payload: Buffer.alloc(0), subject: '' }, 2)
  const torn = encodeMessage({ type: 5, flags: 0, payload: Buffer.alloc(8), subject: '' }, 3).subarray(0, 20)
  expect(
    decodeMessages(Buffer.concat([one, two, torn])).map((r) => [r.type, r.sequence, r.payload.length]),
  ).toEqual([
    [3, 1, 3],
    [4, 2, 0],
  ])
})

test('an error carries the errno and the kernel’s words', () => {
  const text = 'Unknown device type.\0'
  const attribute = Buffer.concat([Buffer.from([4 + text.length, 0, 1, 0]), Buffer.from(text)])
  const code = Buffer.alloc(4)
  code.writeInt32LE(-95)
  expect(decodeError(Buffer.concat([code, Buffer.alloc(16), attribute]))).toEqual({
    errno: 95,
    text: 'Unknown device type.',
  })
  expect(decodeError(Buffer.alloc(20))).toEqual({ errno: 0, text: undefined })
})

import { expect, test } from 'vitest'
import { formatAddress, formatPrefix, parseAddress, parsePrefix } from './address.ts'
import {
  allocate,
  choosePrefix,
  chooseUlaPrefix,
  ipamConfigOf,
  ipamProblems,
  macFor,
  subnetOf,
} from './ipam.ts'

function prefix(text: string) {
  const parsed = parsePrefix(text)
  if (!parsed) throw new Error(text)
  return parsed.prefix
}
function value(text: string): bigint {
  return parseAddress(text)?.value ?? -1n
}
function next(subnet: ReturnType<typeof subnetOf>, used: string[]): string | undefined {
  const address = allocate(subnet, new Set(used.map(value)))
  return address && formatAddress(address)
}

test('subnets come in the order of the predefined pools and avoid what is taken', () => {
  const text = (taken: string[]) => {
    const chosen = choosePrefix(taken.map(prefix))
    return chosen && formatPrefix(chosen)
  }
  expect(text([])).toBe('172.17.0.0/16')
  expect(text(['172.17.0.0/16'])).toBe('172.18.0.0/16')
  expect(text(['172.17.0.0/16', '172.18.40.0/24', '172.19.0.0/16'])).toBe('172.20.0.0/16')
  expect(text(['172.16.0.0/12'])).toBe('192.168.0.0/20')
  expect(text(['172.16.0.0/12', '192.168.0.0/20'])).toBe('192.168.16.0/20')
  expect(text(['172.16.0.0/12', '192.168.0.0/16'])).toBeUndefined()
})

test('a unique-local prefix avoids what is taken', () => {
  const answers = ['00000000000001', '00000000000002'].map((hex) => Buffer.from(hex, 'hex'))
  const random = () => answers.shift() ?? Buffer.alloc(7)
  expect(formatPrefix(chooseUlaPrefix([prefix('fd00:0:0:1::/64')], random))).toBe('fd00:0:0:2::/64')
})

test('the first container gets .2, and the lowest free one is given out again', () => {
  const subnet = subnetOf({ Subnet: '172.18.0.0/16' })
  expect(formatAddress(subnet.gateway)).toBe('172.18.0.1')
  expect(next(subnet, [])).toBe('172.18.0.2')
  expect(next(subnet, ['172.18.0.2', '172.18.0.4'])).toBe('172.18.0.3')
})

test('gateway, auxiliary, network and broadcast addresses are never given out', () => {
  const subnet = subnetOf({
    Subnet: '10.9.0.0/29',
    Gateway: '10.9.0.3',
    AuxiliaryAddresses: { router: '10.9.0.4' },
  })
  const given: string[] = []
  for (let address = next(subnet, given); address; address = next(subnet, given)) given.push(address)
  expect(given).toEqual(['10.9.0.1', '10.9.0.2', '10.9.0.5', '10.9.0.6'])
})

test('a range limits what is given out', () => {
  const subnet = subnetOf({ Subnet: '10.9.0.0/16', IPRange: '10.9.8.0/30', Gateway: '10.9.0.1' })
  expect(next(subnet, [])).toBe('10.9.8.0')
  expect(next(subnet, ['10.9.8.0', '10.9.8.1', '10.9.8.2', '10.9.8.3'])).toBeUndefined()
})

test('a huge subnet costs no more than what is used of it', () => {
  const subnet = subnetOf({ Subnet: 'fd00::/64' })
  expect(next(subnet, ['fd00::2'])).toBe('fd00::3')
})

test('the default gateway steps over auxiliary addresses and starts at the range', () => {
  const gateway = (config: Parameters<typeof subnetOf>[0]) => formatAddress(subnetOf(config).gateway)
  expect(gateway({ Subnet: '10.9.0.0/24', AuxiliaryAddresses: { a: '10.9.0.1' } })).toBe('10.9.0.2')
  expect(gateway({ Subnet: '10.9.0.0/16', IPRange: '10.9.8.0/24' })).toBe('10.9.8.0')
})

test('inspect shows what was asked', () => {
  const config = {
    Subnet: '10.9.0.0/16',
    IPRange: '10.9.8.0/24',
    Gateway: '10.9.0.1',
    AuxiliaryAddresses: { a: '10.9.8.7' },
  }
  expect(ipamConfigOf(subnetOf(config))).toEqual(config)
})

test('a wrong configuration is described in Docker’s words', () => {
  expect(
    ipamProblems(
      [
        { Subnet: '10.9.0.0' },
        { Subnet: '10.9.0.1/24' },
        { Subnet: '10.9.0.0/24', IPRange: '10.8.0.0/16', Gateway: '10.7.0.1' },
        { Subnet: '10.9.0.0/24', Gateway: 'fd00::1', AuxiliaryAddresses: { me: 'x' } },
        { Subnet: 'fd00::1/64' },
      ],
      false,
    ),
  ).toEqual([
    'invalid subnet 10.9.0.0: invalid CIDR block notation',
    'invalid subnet 10.9.0.1/24: it should be 10.9.0.0/24',
    'invalid ip-range 10.8.0.0/16: CIDR block is bigger than its parent subnet 10.9.0.0/24',
    "invalid ip-range 10.8.0.0/16: parent subnet 10.9.0.0/24 doesn't contain ip-range",
    "invalid gateway 10.7.0.1: parent subnet 10.9.0.0/24 doesn't contain this address",
    'invalid gateway fd00::1: parent subnet is an IPv4 block',
    'invalid auxiliary address me: invalid address',
  ])
  expect(ipamProblems([{ Subnet: 'fd00::1/64' }], true)).toEqual([
    'invalid subnet fd00::1/64: it should be fd00::/64',
  ])
})

test('a MAC address follows from the address', () => {
  const random = (bytes: number) => Buffer.alloc(bytes, 0xab)
  expect(macFor('172.17.0.2', random)).toBe('02:42:ac:11:00:02')
  expect(macFor('', random)).toBe('02:42:ab:ab:ab:ab')
})

import { expect, test } from 'vitest'
import { limitWrites, sharesToWeight } from './cgroup.ts'
import { parseFlatKeys, parseIoStat, parseLimit, parseNetDev, parseSystemCpu } from './cgroup-format.ts'

test('limits become control files', () => {
  expect(
    limitWrites({
      Memory: 1000,
      MemorySwap: 1500,
      MemoryReservation: 10,
      NanoCpus: 5e8,
      CpuShares: 1024,
      CpusetCpus: '0',
      PidsLimit: -1,
      BlkioWeight: 1000,
    }),
  ).toEqual([
    { file: 'memory.max', value: '1000' },
    { file: 'memory.swap.max', value: '500' },
    { file: 'memory.low', value: '10' },
    { file: 'cpu.max', value: '50000 100000' },
    { file: 'cpu.weight', value: '39' },
    { file: 'cpuset.cpus', value: '0' },
    { file: 'pids.max', value: 'max' },
    { file: 'io.weight', value: 'default 10000' },
  ])
  expect(limitWrites({ Memory: 0, CpuShares: 0 })).toEqual([])
  expect(limitWrites({ PidsLimit: 0 })).toEqual([{ file: 'pids.max', value: 'max' }])
  expect(limitWrites({ CpuQuota: -1 })).toEqual([{ file: 'cpu.max', value: 'max 100000' }])
})

test.each([
  [2, 1],
  [1024, 39],
  [262144, 10000],
  [1, 1],
])('%d shares are weight %d', (shares, weight) => {
  expect(sharesToWeight(shares)).toBe(weight)
})

test('reads what the kernel writes', () => {
  expect(parseFlatKeys('usage_usec 5\nuser_usec 3\n')).toEqual({ usage_usec: 5, user_usec: 3 })
  expect([parseLimit('max\n'), parseLimit('12\n'), parseLimit(undefined)]).toEqual([undefined, 12, undefined])
  expect(parseIoStat('254:16 rbytes=4096 wbytes=8 rios=1 wios=2\n')).toEqual([
    { major: 254, minor: 16, values: { rbytes: 4096, wbytes: 8, rios: 1, wios: 2 } },
  ])
  expect(parseSystemCpu('cpu  1 2 3 4 5 6 7 8 100 100\ncpu0 1\n')).toBe(360_000_000)
})

test('counts per interface, without the loopback', () => {
  const text = [
    'Inter-|   Receive                                                |  Transmit',
    ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed',
    '    lo:       9       9    0    0    0     0          0         0        9       9    0    0    0     0       0          0',
    '  eth0:    1190      15    1    2    0     0          0         0      864      12    3    4    0     0       0          0',
  ].join('\n')
  expect(parseNetDev(text)).toEqual({
    eth0: {
      rx_bytes: 1190,
      rx_packets: 15,
      rx_errors: 1,
      rx_dropped: 2,
      tx_bytes: 864,
      tx_packets: 12,
      tx_errors: 3,
      tx_dropped: 4,
    },
  })
})

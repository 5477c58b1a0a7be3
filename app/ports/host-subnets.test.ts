import { expect, test } from 'vitest'
import { hostSubnets, parseNetstat, parseProcRoutes, parseRoutePrint } from './host-subnets.ts'

test('routes of Linux, macOS and Windows', () => {
  const proc = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0102A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
tun0\t000014AC\t00000000\t0001\t0\t0\t0\t0000FCFF\t0\t0\t0
eth0\t0002A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0
`
  expect(parseProcRoutes(proc)).toEqual(['0.0.0.0/0', '172.20.0.0/14', '192.168.2.0/24'])
  const netstat = `Destination        Gateway            Flags    Netif Expire
default            192.168.2.1        UGScg      en0
10.8/16            utun3              USc      utun3
127                127.0.0.1          UCS        lo0
192.168.2          link#6             UCS        en0
172.20.0.0/14      utun3              USc      utun3
10.1.2.3           utun3              UH       utun3
`
  expect(parseNetstat(netstat)).toEqual([
    '10.8.0.0/16',
    '127.0.0.0/8',
    '192.168.2.0/24',
    '172.20.0.0/14',
    '10.1.2.3/32',
  ])
  const print = `Active Routes:
Network Destination        Netmask          Gateway       Interface  Metric
          0.0.0.0          0.0.0.0      192.168.2.1    192.168.2.10     25
       172.20.0.0      255.252.0.0         On-link         10.8.0.2    281
`
  expect(parseRoutePrint(print)).toEqual(['0.0.0.0/0', '172.20.0.0/14'])
})

test('this computer: prefixes without default route and loopback; a system without the command: none', async () => {
  for (const prefix of await hostSubnets()) {
    expect(prefix).toMatch(/^\d+\.\d+\.\d+\.\d+\/([1-9]|[12]\d|3[0-2])$/)
    expect(prefix).not.toMatch(/^127\./)
  }
  expect(await hostSubnets('win32')).toEqual([])
})

/** The text formats of cgroup v2 and /proc files. Pure. */

/** `key value` lines (cpu.stat, memory.stat, memory.events, cgroup.events). */
export function parseFlatKeys(text: string): Record<string, number> {
  const result: Record<string, number> = {}
  for (const line of text.split('\n')) {
    const [key = '', value] = line.split(' ')
    if (value !== undefined) result[key] = Number(value)
  }
  return result
}

/** One number; `max` and an absent file are undefined. */
export function parseLimit(text: string | undefined): number | undefined {
  const trimmed = text?.trim()
  return trimmed === undefined || trimmed === '' || trimmed === 'max' ? undefined : Number(trimmed)
}

export interface IoStat {
  major: number
  minor: number
  values: Record<string, number>
}

/** `8:0 rbytes=… wbytes=… rios=… wios=…` lines of io.stat. */
export function parseIoStat(text: string): IoStat[] {
  return text
    .split('\n')
    .filter((line) => /^\d+:\d+ /.test(line))
    .map((line) => {
      const [device = '', ...pairs] = line.split(' ')
      const [major = 0, minor = 0] = device.split(':').map(Number)
      const values = Object.fromEntries(
        pairs.map((pair) => [pair.split('=')[0] ?? '', Number(pair.split('=')[1])]),
      )
      return { major, minor, values }
    })
}

export interface InterfaceCounters {
  rx_bytes: number
  rx_packets: number
  rx_errors: number
  rx_dropped: number
  tx_bytes: number
  tx_packets: number
  tx_errors: number
  tx_dropped: number
}

/** /proc/<pid>/net/dev by interface, without the loopback one. */
export function parseNetDev(text: string): Record<string, InterfaceCounters> {
  const result: Record<string, InterfaceCounters> = {}
  for (const line of text.split('\n')) {
    const at = line.indexOf(':')
    if (at < 0) continue
    const name = line.slice(0, at).trim()
    const n = line
      .slice(at + 1)
      .trim()
      .split(/\s+/)
      .map(Number)
    if (name === 'lo' || n.length < 16) continue
    const field = (index: number) => n[index] ?? 0
    result[name] = {
      rx_bytes: field(0),
      rx_packets: field(1),
      rx_errors: field(2),
      rx_dropped: field(3),
      tx_bytes: field(8),
      tx_packets: field(9),
      tx_errors: field(10),
      tx_dropped: field(11),
    }
  }
  return result
}

/** Total CPU time of the machine in nanoseconds, from the first line of /proc/stat (clock ticks of 10 ms). */
export function parseSystemCpu(text: string): number {
  const [first = ''] = text.split('\n')
  // user nice system idle iowait irq softirq steal: guest times are in user already.
  const ticks = first.trim().split(/\s+/).slice(1, 9).map(Number)
  return ticks.reduce((sum, value) => sum + value, 0) * 10_000_000
}

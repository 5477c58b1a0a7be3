/** `docker top`: what `ps` says about the container's processes, read from /proc as `ps -ef` would. */
import { readFile } from 'node:fs/promises'
import { totalmem } from 'node:os'
import type { TopResponse } from '../../api/containers.ts'
import { EngineError } from '../../api/errors.ts'
import { Cgroup } from '../runtime/cgroup.ts'
import type { Container } from './container.ts'
import { resolveInside } from './safe-path.ts'

const TICKS = 100

interface Process {
  pid: number
  ppid: number
  uid: number
  gid: number
  /** As ps marks it: R, S+, Ssl, … */
  state: string
  tty: string
  /** Seconds. */
  cpu: number
  /** Milliseconds since the epoch. */
  started: number
  rss: number
  vsz: number
  nice: number
  priority: number
  threads: number
  comm: string
  args: string
  user: string
  group: string
}

type Column = { title: string; value(process: Process, now: number): string }

const elapsed = (p: Process, now: number) => Math.max(1, (now - p.started) / 1000)
const COLUMNS: Record<string, Column> = {
  user: { title: 'USER', value: (p) => p.user },
  uid: { title: 'UID', value: (p) => String(p.uid) },
  gid: { title: 'GID', value: (p) => String(p.gid) },
  group: { title: 'GROUP', value: (p) => p.group },
  pid: { title: 'PID', value: (p) => String(p.pid) },
  ppid: { title: 'PPID', value: (p) => String(p.ppid) },
  c: { title: 'C', value: (p, now) => String(Math.floor((p.cpu * 100) / elapsed(p, now))) },
  pcpu: { title: '%CPU', value: (p, now) => ((p.cpu * 100) / elapsed(p, now)).toFixed(1) },
  pmem: { title: '%MEM', value: (p) => ((p.rss * 100) / totalmem()).toFixed(1) },
  stime: { title: 'STIME', value: (p, now) => clock(p.started, now) },
  start: { title: 'START', value: (p, now) => clock(p.started, now) },
  tty: { title: 'TTY', value: (p) => p.tty },
  time: { title: 'TIME', value: (p) => duration(p.cpu) },
  etime: { title: 'ELAPSED', value: (p, now) => duration(elapsed(p, now)) },
  cmd: { title: 'CMD', value: (p) => p.args },
  args: { title: 'COMMAND', value: (p) => p.args },
  comm: { title: 'COMMAND', value: (p) => p.comm },
  rss: { title: 'RSS', value: (p) => String(Math.floor(p.rss / 1024)) },
  vsz: { title: 'VSZ', value: (p) => String(Math.floor(p.vsz / 1024)) },
  stat: { title: 'STAT', value: (p) => p.state },
  s: { title: 'S', value: (p) => p.state.slice(0, 1) },
  bsdtime: { title: 'TIME', value: (p) => minutes(p.cpu) },
  ni: { title: 'NI', value: (p) => String(p.nice) },
  pri: { title: 'PRI', value: (p) => String(p.priority) },
  nlwp: { title: 'NLWP', value: (p) => String(p.threads) },
}
const ALIASES: Record<string, string> = {
  command: 'args',
  ucmd: 'comm',
  euser: 'user',
  ruser: 'user',
  euid: 'uid',
  egid: 'gid',
  '%cpu': 'pcpu',
  '%mem': 'pmem',
  state: 's',
  tname: 'tty',
  tt: 'tty',
  nice: 'ni',
  thcount: 'nlwp',
  rssize: 'rss',
  vsize: 'vsz',
  cputime: 'time',
  fname: 'comm',
  rgid: 'gid',
  rgroup: 'group',
  ruid: 'uid',
  egroup: 'group',
  start_time: 'stime',
}

const FULL: Column[] = [
  { title: 'UID', value: (p) => p.user },
  ...['pid', 'ppid', 'c', 'stime', 'tty', 'time', 'cmd'].map((name) => COLUMNS[name] as Column),
]
const SHORT = ['pid', 'tty', 'time', 'comm'].map((name) => COLUMNS[name] as Column)
const BSD = ['user', 'pid', 'pcpu', 'pmem', 'vsz', 'rss', 'tty', 'stat', 'start', 'bsdtime', 'args'].map(
  (name) => COLUMNS[name] as Column,
)

/** The columns that arguments of ps ask for; invalid_argument names what is not known. Pure. */
export function columnsOf(args: string): Column[] {
  const words = args
    .trim()
    .split(/\s+/)
    .filter((word) => word !== '')
  if (words.length === 0) return FULL
  const asked: Column[] = []
  let columns = SHORT
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? ''
    // Letters before the o select processes: -eo pid,args, and with its list at once, -eopid,args.
    const option = /^(?:-?[eAadx]*o|--format)=?(.*)$/.exec(word)
    if (option && (word.startsWith('-') || /^[ax]*o$/.test(word))) {
      const list = option[1] || words[++index] || ''
      asked.push(...list.split(',').filter(Boolean).map(column))
    } else if (/^-[eAadf]*f[eAadf]*$/.test(word)) columns = FULL
    else if (/^[aux]+$/.test(word) && word.includes('u')) columns = BSD
    else if (!/^-?[eAadxTLw]+$/.test(word)) {
      throw new EngineError('invalid_argument', `ps: unsupported option "${word}"`)
    }
  }
  if (asked.length === 0) return columns
  if (!asked.some(({ title }) => title === 'PID')) {
    throw new EngineError('internal', "Couldn't find PID field in ps output")
  }
  return asked
}

function column(text: string): Column {
  const [name = '', title] = text.split('=')
  const found = COLUMNS[ALIASES[name.toLowerCase()] ?? name.toLowerCase()]
  if (!found)
    throw new EngineError('invalid_argument', `ps: error: unknown user-defined format specifier "${name}"`)
  return title === undefined ? found : { ...found, title }
}

export async function containerTop(container: Container, root: string, args: string): Promise<TopResponse> {
  const { task } = container
  if (!task || !container.running)
    throw new EngineError('conflict', `container ${container.id} is not running`)
  const columns = columnsOf(args)
  const boot = Number(/^btime (\d+)$/m.exec(await readFile('/proc/stat', 'utf8'))?.[1] ?? 0)
  const names = await readNames(root)
  const pids = (await new Cgroup(task.cgroup).pids()).sort((a, b) => a - b)
  const all = await Promise.all(pids.map((pid) => readProcess(pid, boot, names)))
  const now = Date.now()
  return {
    Titles: columns.map(({ title }) => title),
    Processes: all.filter((p) => p !== undefined).map((p) => columns.map(({ value }) => value(p, now))),
  }
}

interface Names {
  user: Map<number, string>
  group: Map<number, string>
}

/** User names as the container knows them: the machine has only root. */
async function readNames(root: string): Promise<Names> {
  const read = async (path: string) => {
    const { path: real, exists } = await resolveInside(root, path, { follow: true })
    const text = exists ? await readFile(real, 'utf8') : ''
    return new Map(
      text
        .split('\n')
        .map((line) => line.split(':'))
        .filter((f) => f.length > 2)
        .map((f) => [Number(f[2]), f[0] ?? '']),
    )
  }
  return { user: await read('/etc/passwd'), group: await read('/etc/group') }
}

async function readProcess(pid: number, boot: number, names: Names): Promise<Process | undefined> {
  try {
    const [stat, status, cmdline] = await Promise.all(
      ['stat', 'status', 'cmdline'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8')),
    )
    return parseProcess(pid, { stat: stat ?? '', status: status ?? '', cmdline: cmdline ?? '' }, boot, names)
  } catch (error) {
    // It ended between the list and the look.
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ESRCH') return undefined
    throw error
  }
}

/** proc_pid_stat(5); the name in parentheses may hold anything. */
export function parseProcess(
  pid: number,
  files: { stat: string; status: string; cmdline: string },
  boot: number,
  names: Names,
): Process {
  const end = files.stat.lastIndexOf(')')
  const comm = files.stat.slice(files.stat.indexOf('(') + 1, end)
  const fields = files.stat.slice(end + 2).split(' ')
  const number = (index: number) => Number(fields[index - 3] ?? 0)
  const id = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(files.status)?.[1] ?? 0)
  const uid = id('Uid')
  const gid = id('Gid')
  const args = files.cmdline.split('\0').join(' ').trim()
  return {
    pid,
    ppid: number(4),
    uid,
    gid,
    state: stateOf(pid, fields[0] ?? '?', number),
    tty: ttyName(number(7)),
    cpu: (number(14) + number(15)) / TICKS,
    started: boot * 1000 + (number(22) / TICKS) * 1000,
    rss: number(24) * 4096,
    vsz: number(23),
    nice: number(19),
    priority: number(18),
    threads: number(20),
    comm,
    args: args === '' ? `[${comm}]` : args,
    user: names.user.get(uid) ?? String(uid),
    group: names.group.get(gid) ?? String(gid),
  }
}

function ttyName(device: number): string {
  const major = (device >> 8) & 0xfff
  const minor = (device & 0xff) | ((device >> 12) & 0xfff00)
  if (major >= 136 && major <= 143) return `pts/${minor + (major - 136) * 256}`
  return '?'
}

/** ps' marks beside the state: priority, session leader, threads, in front on its terminal. */
function stateOf(pid: number, state: string, number: (index: number) => number): string {
  const [group, session, front, nice, threads] = [5, 6, 8, 19, 20].map(number)
  const priority = (nice ?? 0) < 0 ? '<' : (nice ?? 0) > 0 ? 'N' : ''
  return `${state}${priority}${session === pid ? 's' : ''}${(threads ?? 1) > 1 ? 'l' : ''}${front === group ? '+' : ''}`
}

/** The time of a day, or the day when that is more than one ago. */
function clock(ms: number, now: number): string {
  if (now - ms < 86_400_000) return new Date(ms).toISOString().slice(11, 16)
  const [, day = '', month = ''] = new Date(ms).toUTCString().split(' ')
  return `${month}${day}`
}

function minutes(seconds: number): string {
  const whole = Math.floor(seconds)
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`
}

function duration(seconds: number): string {
  const whole = Math.floor(seconds)
  const part = (value: number) => String(value).padStart(2, '0')
  return [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60].map(part).join(':')
}

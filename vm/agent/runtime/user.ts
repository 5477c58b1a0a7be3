/**
 * Who a process runs as: Docker's `user[:group]` against the container's own /etc/passwd and /etc/group. Pure; messages
 * are Docker's.
 */
import { EngineError } from '../../api/errors.ts'

export interface ResolvedUser {
  uid: number
  gid: number
  /** Supplementary groups, sorted, without `gid` unless passwd/group say so. */
  additionalGids: number[]
  /** Home directory; `/` when passwd does not know the user. */
  home: string
}

interface PasswdEntry {
  name: string
  uid: number
  gid: number
  home: string
}
interface GroupEntry {
  name: string
  gid: number
  members: string[]
}

/** Contents of the container's files; undefined where the file does not exist. */
export interface UserFiles {
  passwd: string | undefined
  group: string | undefined
}

const MAX_ID = 2 ** 31 - 1

/**
 * `spec` is `''` (root), `name`, `uid`, `name:group`, `uid:gid`, … A name that has no entry, or a number out of range,
 * is invalid_argument; a number without entry is fine. `groupAdd` are further group names or numbers.
 */
export function resolveUser(spec: string, files: UserFiles, groupAdd: readonly string[] = []): ResolvedUser {
  const [userPart = '', groupPart = ''] = splitOnce(spec, ':')
  const groups = parseGroup(files.group ?? '')
  const user = findUser(userPart, parsePasswd(files.passwd ?? ''))
  const memberships = user.name ? groups.filter(({ members }) => members.includes(user.name)) : []
  const gid = groupPart === '' ? user.gid : findGroup(groupPart, groups)
  // An explicit group replaces the memberships.
  const own = groupPart === '' ? memberships.map((group) => group.gid) : []
  const added = groupAdd.map((name) => findGroup(name, groups))
  const additionalGids = [...new Set([gid, ...own, ...added])].sort((a, b) => a - b)
  return { uid: user.uid, gid, additionalGids, home: user.home }
}

function findUser(part: string, entries: PasswdEntry[]): PasswdEntry {
  const number = asNumber(part)
  const wanted = part === '' ? 0 : number
  const entry =
    entries.find(({ name }) => part !== '' && name === part) ?? entries.find(({ uid }) => uid === wanted)
  if (entry) return entry
  if (wanted === undefined) {
    throw new EngineError(
      'invalid_argument',
      `unable to find user ${part}: no matching entries in passwd file`,
    )
  }
  checkRange(wanted)
  return { name: '', uid: wanted, gid: 0, home: '/' }
}

function findGroup(part: string, groups: GroupEntry[]): number {
  const byName = groups.find(({ name }) => name === part)
  if (byName) return byName.gid
  const number = asNumber(part)
  if (number === undefined) {
    throw new EngineError(
      'invalid_argument',
      `unable to find group ${part}: no matching entries in group file`,
    )
  }
  checkRange(number)
  return number
}

function checkRange(id: number): void {
  if (id > MAX_ID) throw new EngineError('invalid_argument', `uids and gids must be in range 0-${MAX_ID}`)
}

function parsePasswd(text: string): PasswdEntry[] {
  return rows(text).flatMap(([name = '', , uid = '', gid = '', , home = '']) => {
    const [u, g] = [asNumber(uid), asNumber(gid)]
    return u === undefined || g === undefined ? [] : [{ name, uid: u, gid: g, home: home || '/' }]
  })
}

function parseGroup(text: string): GroupEntry[] {
  return rows(text).flatMap(([name = '', , gid = '', members = '']) => {
    const g = asNumber(gid)
    return g === undefined ? [] : [{ name, gid: g, members: members.split(',').filter(Boolean) }]
  })
}

function rows(text: string): string[][] {
  const lines = text.split('\n').map((line) => line.trim())
  return lines.filter((line) => line !== '' && !line.startsWith('#')).map((line) => line.split(':'))
}

function splitOnce(text: string, separator: string): string[] {
  const at = text.indexOf(separator)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + separator.length)]
}

function asNumber(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

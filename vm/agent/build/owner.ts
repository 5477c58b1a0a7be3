/** `--chown=user:group` against the image's own passwd and group files. */
import { readFile } from 'node:fs/promises'
import { EngineError } from '../../api/errors.ts'
import { resolveInRoot } from './root-path.ts'

/** Numbers stand for themselves; a user without a group has the group of the same number, or its own from passwd. */
export async function resolveOwner(root: string, text: string): Promise<{ uid: number; gid: number }> {
  const [user = '', group] = text.split(':')
  const passwd = await entries(root, '/etc/passwd')
  const account = passwd.find(([name, , uid]) => name === user || (uid === user && /^\d+$/.test(user)))
  const uid = /^\d+$/.test(user) ? Number(user) : Number(account?.[2] ?? Number.NaN)
  if (Number.isNaN(uid))
    throw new EngineError(
      'invalid_argument',
      `unable to convert uid/gid chown string to host mapping: can't find uid for user ${user}`,
    )
  if (group === undefined || group === '') {
    const primary = /^\d+$/.test(user) ? uid : Number(account?.[3] ?? uid)
    return { uid, gid: primary }
  }
  if (/^\d+$/.test(group)) return { uid, gid: Number(group) }
  const gid = Number((await entries(root, '/etc/group')).find(([name]) => name === group)?.[2] ?? Number.NaN)
  if (Number.isNaN(gid))
    throw new EngineError(
      'invalid_argument',
      `unable to convert uid/gid chown string to host mapping: can't find gid for group ${group}`,
    )
  return { uid, gid }
}

async function entries(root: string, path: string): Promise<string[][]> {
  const text = await readFile(await resolveInRoot(root, path), 'utf8').catch(() => '')
  return text.split('\n').map((line) => line.split(':'))
}

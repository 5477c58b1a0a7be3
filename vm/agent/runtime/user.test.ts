import { expect, test } from 'vitest'
import { resolveUser } from './user.ts'

const files = {
  passwd: '# users\nroot:x:0:0:root:/root:/bin/sh\nweb:x:33:44::/srv\n1000:x:7:8::/odd\nbroken\n',
  group: 'root:x:0:\nstaff:x:50:web,other\nweb:x:44:\nextra:x:60:web\n',
}
const nothing = { passwd: undefined, group: undefined }

test.each([
  ['', { uid: 0, gid: 0, additionalGids: [0], home: '/root' }],
  ['root', { uid: 0, gid: 0, additionalGids: [0], home: '/root' }],
  ['web', { uid: 33, gid: 44, additionalGids: [44, 50, 60], home: '/srv' }],
  ['33', { uid: 33, gid: 44, additionalGids: [44, 50, 60], home: '/srv' }],
  ['web:staff', { uid: 33, gid: 50, additionalGids: [50], home: '/srv' }],
  ['web:99', { uid: 33, gid: 99, additionalGids: [99], home: '/srv' }],
  ['4711', { uid: 4711, gid: 0, additionalGids: [0], home: '/' }],
  ['4711:4712', { uid: 4711, gid: 4712, additionalGids: [4712], home: '/' }],
  // A name made of digits wins over the number.
  ['1000', { uid: 7, gid: 8, additionalGids: [8], home: '/odd' }],
])('%j', (spec, expected) => {
  expect(resolveUser(spec, files)).toEqual(expected)
})

test('groups are added by name and by number', () => {
  expect(resolveUser('web:web', files, ['extra', '5']).additionalGids).toEqual([5, 44, 60])
})

test('numbers work without files', () => {
  expect(resolveUser('5:6', nothing)).toEqual({ uid: 5, gid: 6, additionalGids: [6], home: '/' })
  expect(resolveUser('', nothing)).toEqual({ uid: 0, gid: 0, additionalGids: [0], home: '/' })
  expect(() => resolveUser('web', nothing)).toThrow(
    'unable to find user web: no matching entries in passwd file',
  )
})

test.each([
  ['nobody', 'unable to find user nobody: no matching entries in passwd file'],
  ['web:nogroup', 'unable to find group nogroup: no matching entries in group file'],
  ['4294967296', 'uids and gids must be in range 0-2147483647'],
  ['-1', 'unable to find user -1: no matching entries in passwd file'],
])('%j is refused', (spec, message) => {
  expect(() => resolveUser(spec, files)).toThrow(message)
})

import { expect, test } from 'vitest'
import { withoutSecrets } from './secrets.ts'

test.each([
  ['http://user:hunter2@proxy:3128/x', 'http://[removed]@proxy:3128/x'],
  ['Authorization: Bearer abcdefgh.ijkl', 'Authorization: Bearer [removed]'],
  ['GET /?token=abc&x=1', 'GET /?token=[removed]&x=1'],
  ['{"password":"a\\"b","port":80}', '{"password":"[removed]","port":80}'],
  ['MYSQL_ROOT_PASSWORD=hunter2 PORT=1', 'MYSQL_ROOT_PASSWORD=[removed] PORT=1'],
  ['X-Registry-Auth: eyJ1c2VyIjoi', 'X-Registry-Auth: [removed]'],
  ['a -----BEGIN OPENSSH PRIVATE KEY-----\nAAA\n-----END OPENSSH PRIVATE KEY----- b', 'a [removed] b'],
  ['started on http://localhost:8080 in 3 s', 'started on http://localhost:8080 in 3 s'],
])('%s', (text, expected) => {
  expect(withoutSecrets(text)).toBe(expected)
})

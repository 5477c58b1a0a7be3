import { expect, test } from 'vitest'
import { linkEnvironment } from './link-environment.ts'

test('one port, a name with a dash, and the variables of the other container but for its own path and home', () => {
  const env = ['PATH=/bin', 'HOME=/root', 'MODE=a=b', 'UNSET']
  expect(linkEnvironment({ address: '172.17.0.2', name: '/web/my-db', ports: ['6379/tcp'], env })).toEqual([
    'MY_DB_PORT=tcp://172.17.0.2:6379',
    'MY_DB_PORT_6379_TCP=tcp://172.17.0.2:6379',
    'MY_DB_PORT_6379_TCP_ADDR=172.17.0.2',
    'MY_DB_PORT_6379_TCP_PORT=6379',
    'MY_DB_PORT_6379_TCP_PROTO=tcp',
    'MY_DB_NAME=/web/my-db',
    'MY_DB_ENV_MODE=a=b',
  ])
})

test('tcp comes first, a run of ports has a start and an end, no port gives no port', () => {
  const ports = ['80/udp', '8002/tcp', '8000/tcp', '8001/tcp', '22/tcp']
  const made = linkEnvironment({ address: '10.0.0.9', name: '/a/b', ports, env: [] })
  expect(made[0]).toBe('B_PORT=tcp://10.0.0.9:22')
  expect(made.filter((entry) => /_(START|END)=/.test(entry))).toEqual([
    'B_PORT_8000_TCP_START=tcp://10.0.0.9:8000',
    'B_PORT_8000_TCP_PORT_START=8000',
    'B_PORT_8000_TCP_END=tcp://10.0.0.9:8002',
    'B_PORT_8000_TCP_PORT_END=8002',
  ])
  expect(made).toContain('B_PORT_80_UDP=udp://10.0.0.9:80')
  expect(linkEnvironment({ address: '10.0.0.9', name: '/a/b', ports: [], env: [] })).toEqual(['B_NAME=/a/b'])
})

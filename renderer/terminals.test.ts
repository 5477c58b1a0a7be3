import { expect, test } from 'vitest'
import { closeTerminal, openTerminal, showTerminal, terminals } from './terminals.ts'

test('closing the tab on top shows the newest one left of the same owner', () => {
  const a = openTerminal('web', 'sh', { kind: 'attach', container: 'web' })
  const b = openTerminal('web', 'bash', { kind: 'attach', container: 'web' })
  openTerminal('db', 'sh', { kind: 'attach', container: 'db' })
  showTerminal('web', a)
  closeTerminal(a)
  expect(terminals.get().active['web']).toBe(b)
  closeTerminal(b)
  expect(terminals.get().active['web']).toBeUndefined()
  expect(terminals.get().tabs.map((tab) => tab.owner)).toEqual(['db'])
})

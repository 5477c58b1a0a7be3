import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { playwrightReport, vitestReport } from './reports.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'report-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function written(json: unknown): Promise<string> {
  const path = join(folder, 'report.json')
  await writeFile(path, JSON.stringify(json))
  return path
}

test('Vitest: a failure, a second try and a file that could not be loaded are told by name', async () => {
  const tested = (status: string, fullName: string, ...failureMessages: string[]) => ({
    status,
    fullName,
    failureMessages,
  })
  const path = await written({
    numPassedTests: 2,
    numFailedTests: 1,
    numPendingTests: 1,
    numTodoTests: 0,
    testResults: [
      { name: 'broken.ts', status: 'failed', message: 'boom', assertionResults: [] },
      {
        name: 'a.ts',
        status: 'failed',
        message: '',
        assertionResults: [
          tested('passed', 'fine'),
          tested('passed', 'at last', 'first try'),
          tested('failed', 'wrong', '\u001b[31mred\u001b[39m'),
          tested('skipped', 'left out'),
        ],
      },
    ],
  })
  expect(await vitestReport(path)).toEqual({
    passed: 2,
    failed: 2,
    skipped: 1,
    failures: [
      'broken.ts\n    boom',
      'a.ts › at last (passed when tried again)\n    first try',
      'a.ts › wrong\n    red',
    ],
  })
})

test('Playwright: failures of nested suites, what passed at the second try, and errors of no test', async () => {
  const spec = (title: string, status: string, ...messages: string[]) => ({
    file: 'a.spec.ts',
    title,
    tests: [{ status, results: messages.map((message) => ({ errors: [{ message }] })) }],
  })
  const path = await written({
    stats: { expected: 1, unexpected: 1, flaky: 1, skipped: 1 },
    errors: [{ message: 'no browser' }],
    suites: [
      {
        specs: [spec('fine', 'expected'), spec('at last', 'flaky', 'first try')],
        suites: [{ specs: [spec('wrong', 'unexpected', 'once', 'twice')] }],
      },
    ],
  })
  expect(await playwrightReport(path)).toEqual({
    passed: 2,
    failed: 2,
    skipped: 1,
    failures: [
      'no browser',
      'a.spec.ts › at last (passed when tried again)\n    first try',
      'a.spec.ts › wrong\n    once\n    twice',
    ],
  })
})

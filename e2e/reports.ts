/** What the runners' JSON reports say: the counts, and which tests failed with what, to be said once more at the end. */
import { readFile } from 'node:fs/promises'
import { stripVTControlCharacters } from 'node:util'
import type { JSONReport, JSONReportSuite } from 'playwright/types/testReporter'

export interface Counts {
  passed: number
  failed: number
  skipped: number
}

export interface Report extends Counts {
  /** One text per test that failed, or that only passed when tried again: its name, then the error. */
  failures: string[]
}

const AGAIN = ' (passed when tried again)'

interface VitestReport {
  numPassedTests: number
  numFailedTests: number
  numPendingTests: number
  numTodoTests: number
  testResults: {
    name: string
    status: string
    message: string
    assertionResults: { status: string; fullName: string; failureMessages: string[] }[]
  }[]
}

/** Of Vitest's JSON reporter. A file that could not be loaded counts as one failed test. */
export async function vitestReport(path: string): Promise<Report> {
  const json: VitestReport = JSON.parse(await readFile(path, 'utf8'))
  const broken = json.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
  )
  const failed = json.testResults.flatMap((file) =>
    file.assertionResults
      .filter(({ failureMessages }) => failureMessages.length > 0)
      .map(({ status, fullName, failureMessages }) =>
        told(`${file.name} › ${fullName}${status === 'passed' ? AGAIN : ''}`, failureMessages),
      ),
  )
  return {
    passed: json.numPassedTests,
    failed: json.numFailedTests + broken.length,
    skipped: json.numPendingTests + json.numTodoTests,
    failures: [...broken.map((file) => told(file.name, [file.message])), ...failed],
  }
}

/** Of Playwright's JSON reporter. A test that passed when tried again is told, too, and counts as passed. */
export async function playwrightReport(path: string): Promise<Report> {
  const { stats, errors, suites }: JSONReport = JSON.parse(await readFile(path, 'utf8'))
  return {
    passed: stats.expected + stats.flaky,
    failed: stats.unexpected + errors.length,
    skipped: stats.skipped,
    failures: [...errors.map(({ message = '' }) => message), ...suites.flatMap(failuresOf)],
  }
}

function failuresOf(suite: JSONReportSuite): string[] {
  const own = suite.specs.flatMap(({ file, title, tests }) =>
    tests
      .filter(({ status }) => status === 'unexpected' || status === 'flaky')
      .map(({ status, results }) =>
        told(
          `${file} › ${title}${status === 'flaky' ? AGAIN : ''}`,
          results.flatMap(({ errors }) => errors.map(({ message = '' }) => message)),
        ),
      ),
  )
  return [...own, ...(suite.suites ?? []).flatMap(failuresOf)]
}

/** The first lines of each error: enough to know it again, without the stack. */
function told(name: string, messages: readonly string[]): string {
  const lines = messages.flatMap((message) => stripVTControlCharacters(message).split('\n').slice(0, 12))
  return [name, ...lines.map((line) => `    ${line}`)].join('\n')
}

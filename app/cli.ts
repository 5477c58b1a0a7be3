#!/usr/bin/env node
/** The `slipway` command. Exit codes: 0 done, 1 failed, 2 not understood, 3 (status) not running, 130 interrupted. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { main } from './cli/main.ts'

const root = join(import.meta.dirname, '..', '..')
const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string }
process.exitCode = await main(process.argv.slice(2), { root, version })

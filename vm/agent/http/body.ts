import type { Readable } from 'node:stream'
import * as v from 'valibot'
import { EngineError } from '../../api/errors.ts'
import { conform, parseGoJson } from './go-json.ts'

const MAX_BODY = 4 * 1024 * 1024

/** Reads and checks a JSON body; invalid_argument names the field that is wrong. */
export async function readJson<S extends v.GenericSchema>(
  source: Readable,
  contentType: string | undefined,
  schema: S,
  optional: boolean,
): Promise<v.InferOutput<S>> {
  const text = await readText(source)
  if (text.trim() === '') {
    if (optional) return check({}, schema)
    throw new EngineError('invalid_argument', 'invalid JSON: got EOF while reading request body')
  }
  checkType(contentType ?? '')
  return check(conform(parseGoJson(text) ?? {}, schema), schema)
}

/** dockerd takes a body only with its type, whatever the parameters. */
function checkType(header: string): void {
  const type = header.split(';')[0]?.trim().toLowerCase() ?? ''
  if (type === 'application/json') return
  const message = /^[^/\s]+(?:\/[^/\s]+)?$/.test(type)
    ? `unsupported Content-Type header (${header}): must be 'application/json'`
    : `malformed Content-Type header (${header}): mime: ${type === '' ? 'no media type' : 'expected token after slash'}`
  throw new EngineError('invalid_argument', message)
}

async function readText(source: Readable): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of source) {
    size += (chunk as Buffer).length
    if (size > MAX_BODY) {
      throw new EngineError('invalid_argument', 'request body too large', { details: { status: 413 } })
    }
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** `value` by `schema`; invalid_argument names the path of the first thing that is wrong. */
export function check<S extends v.GenericSchema>(value: unknown, schema: S): v.InferOutput<S> {
  const result = v.safeParse(schema, value)
  if (result.success) return result.output
  const issue = result.issues[0]
  const path = v.getDotPath(issue)
  throw new EngineError(
    'invalid_argument',
    path === null ? issue.message : `invalid ${path}: ${issue.message}`,
    {
      details: { field: path },
    },
  )
}

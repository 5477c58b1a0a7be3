import { expect, it } from 'vitest'
import { EngineError } from '../../../api/errors.ts'
import { parseDockerfile } from '../dockerfile.ts'
import { inBuildkitWords, withSource } from './failure.ts'
import { errorOf, statusOf, statusTrailers } from './grpc-frames.ts'
import { RpcStatus } from './session-messages.ts'

const dockerfile = 'FROM a\nRUN x && \\\n  y\n'

function sent(error: unknown) {
  const trailers = statusTrailers(statusOf(error))
  const packed = trailers['grpc-status-details-bin']
  const [detail] = RpcStatus.decode(Buffer.from(packed ?? '', 'base64')).details
  return {
    code: trailers['grpc-status'],
    message: decodeURIComponent(trailers['grpc-message'] ?? ''),
    type: detail?.type_url,
    ...(detail?.value ? JSON.parse(Buffer.from(detail.value).toString()) : {}),
  }
}

it('shows where in the Dockerfile, in BuildKit’s words', () => {
  const step = parseDockerfile(dockerfile).stages[0]?.steps[0]
  const source = { filename: 'Dockerfile', dockerfile, step }
  const failed = new EngineError('internal', 'classic words', {
    details: { exitCode: 3, command: '/bin/sh -c x' },
  })
  const told = inBuildkitWords(withSource(failed, source))
  const expected = {
    code: '2',
    message: 'process "/bin/sh -c x" did not complete successfully: exit code: 3',
    type: 'github.com/moby/buildkit/errdefs.Source+json',
    info: {
      filename: 'Dockerfile',
      data: Buffer.from(dockerfile).toString('base64'),
      language: 'Dockerfile',
    },
    ranges: [{ start: { line: 2 }, end: { line: 3 } }],
  }
  expect(sent(told)).toEqual(expected)
  // A client hands it back, and is told it again as the result of the whole.
  expect(sent(inBuildkitWords(errorOf(statusOf(told), 'build')))).toEqual(expected)
})

it('finds the line of what does not parse; says nothing where there is none', () => {
  const parse = new EngineError(
    'invalid_argument',
    'dockerfile parse error on line 1: unknown instruction: X',
  )
  const nowhere = { filename: 'f', dockerfile, step: undefined }
  expect(sent(inBuildkitWords(withSource(parse, nowhere)))).toMatchObject({
    code: '2',
    message: parse.message,
    ranges: [{ start: { line: 1 }, end: { line: 1 } }],
  })
  expect(sent(inBuildkitWords(withSource(new EngineError('not_found', 'no'), nowhere)))).toEqual({
    code: '2',
    message: 'no',
    type: undefined,
  })
})

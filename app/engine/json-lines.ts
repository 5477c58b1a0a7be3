import { StringDecoder } from 'node:string_decoder'
import { EngineError } from '../../vm/api/errors.ts'

/** A line longer than this is no message of the engine. */
const LIMIT = 16 * 1024 * 1024

/** The JSON values of a newline-separated stream; blank lines are skipped. */
export async function* jsonLines<T>(source: AsyncIterable<Uint8Array>): AsyncGenerator<T, void, undefined> {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  for await (const chunk of source) {
    rest += decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))
    const lines = rest.split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > LIMIT) throw new EngineError('data_loss', 'the engine sent an endless line')
    for (const line of lines) if (line.trim() !== '') yield parse<T>(line)
  }
  rest += decoder.end()
  if (rest.trim() !== '') yield parse<T>(rest)
}

function parse<T>(line: string): T {
  try {
    return JSON.parse(line) as T
  } catch (cause) {
    throw new EngineError('data_loss', `the engine sent no JSON: ${line.slice(0, 80)}`, { cause })
  }
}

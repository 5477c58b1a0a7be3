import { expect, it } from 'vitest'
import { parseDockerfile } from '../dockerfile.ts'
import { StatusLog } from './status-log.ts'
import { VertexTeller } from './vertex-teller.ts'

it('tells instructions that make files, in the places that they have in their stage', async () => {
  const { stages } = parseDockerfile(`FROM a AS make
ENV A=1
RUN <<E
echo one
two
E
FROM b
COPY --from=make /x /x
`)
  const log = new StatusLog()
  const teller = new VertexTeller(log, 'id')
  teller.plan({ stages })
  for (const stage of stages) {
    for (const step of [stage.from, ...stage.steps]) {
      teller.step(step)
      if (step.keyword === 'RUN') teller.output(Buffer.from('said'))
      if (step.keyword === 'FROM') teller.cached()
    }
  }
  teller.end(new Error('no x'))
  log.end()
  const told: string[] = []
  const names = new Map<string | undefined, string | undefined>()
  for await (const { vertexes = [], logs = [] } of log.listen(new AbortController().signal)) {
    for (const { digest, name, cached, completed, error } of vertexes) {
      names.set(digest, name)
      told.push(`${name}${completed ? ` done${cached ? ' cached' : ''} ${error ?? ''}` : ''}`)
    }
    for (const { vertex, msg = new Uint8Array() } of logs)
      told.push(`${names.get(vertex)}: ${Buffer.from(msg)}`)
  }
  expect(told.map((line) => line.trim())).toEqual([
    '[make 1/2] FROM a AS make',
    '[make 1/2] FROM a AS make done cached',
    '[make 2/2] RUN <<E (echo one...)',
    '[make 2/2] RUN <<E (echo one...): said',
    '[make 2/2] RUN <<E (echo one...) done',
    '[stage-1 1/2] FROM b',
    '[stage-1 1/2] FROM b done cached',
    '[stage-1 2/2] COPY --from=make /x /x',
    '[stage-1 2/2] COPY --from=make /x /x done no x',
  ])
})

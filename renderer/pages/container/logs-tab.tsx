import { useEffect, useRef, useState } from 'react'
import { kindOf } from '../../../vm/api/errors.ts'
import { open } from '../../api.ts'
import { LogView } from '../../components/log-view.tsx'
import { errorText } from '../../errors.ts'
import { useI18n } from '../../i18n.ts'
import { LogBuffer } from '../../lib/log-buffer.ts'
import { paced } from '../../lib/paced.ts'

const CAPACITY = 50_000
/** Milliseconds after which nothing is taken for nothing. */
const QUIET = 1500

/** `run` names one run of the container: a restart opens the stream again where it left off. */
export function LogsTab({
  id,
  name,
  run,
  running,
}: {
  id: string
  name: string
  run: string
  running: boolean
}) {
  const { t } = useI18n()
  const buffer = useRef<LogBuffer>(new LogBuffer(CAPACITY))
  const [version, setVersion] = useState(0)
  const [quiet, setQuiet] = useState(false)
  const [end, setEnd] = useState<{ error?: string } | undefined>(undefined)
  const opened = useRef<string | undefined>(undefined)
  useEffect(() => {
    const own = buffer.current
    const since = opened.current === undefined ? undefined : Date.parse(run) / 1000
    opened.current = run
    setEnd(undefined)
    // What is on its way is not missing.
    const timer = setTimeout(() => setQuiet(true), QUIET)
    const drawn = paced(() => setVersion((before) => before + 1))
    const stream = open(
      'containers.logs',
      [id, { follow: true, timestamps: true, ...(since ? { since } : { tail: CAPACITY }) }],
      {
        data(chunk) {
          own.push(chunk.stream, chunk.data)
          return drawn(chunk.data.byteLength)
        },
        end(error) {
          own.flush()
          void drawn(0)
          setEnd(error && kindOf(error) !== 'cancelled' ? { error: errorText(error) } : {})
        },
      },
    )
    return () => {
      clearTimeout(timer)
      stream.close()
      // StrictMode mounts twice: the first mount has shown nothing yet.
      if (own.total === 0) opened.current = undefined
    }
  }, [id, run])
  const empty = buffer.current.total === 0
  const footer =
    end?.error ??
    (end && !running
      ? t(empty && run.startsWith('0001') ? 'logs.never' : 'logs.ended')
      : empty && quiet
        ? t('logs.empty')
        : undefined)
  return (
    <LogView
      buffer={buffer.current}
      version={version}
      name={name}
      footer={footer}
      onClear={() => {
        buffer.current.clear()
        setVersion((before) => before + 1)
      }}
    />
  )
}

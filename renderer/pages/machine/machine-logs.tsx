import { useEffect, useRef, useState } from 'react'
import { open } from '../../api.ts'
import { Segments } from '../../components/field.tsx'
import { LogView } from '../../components/log-view.tsx'
import { errorText } from '../../errors.ts'
import { useI18n } from '../../i18n.ts'
import { LogBuffer } from '../../lib/log-buffer.ts'
import { paced } from '../../lib/paced.ts'

const SOURCES = ['serial', 'app', 'engine'] as const
type Source = (typeof SOURCES)[number]

export function MachineLogs() {
  const { t } = useI18n()
  const [source, setSource] = useState<Source>('serial')
  return (
    <>
      <div className="machine-log-source">
        <Segments
          label={t('machine.logSource')}
          value={source}
          onChange={setSource}
          options={SOURCES.map((value) => ({ value, label: t(`machine.log.${value}`) }))}
        />
      </div>
      <OneLog key={source} source={source} />
    </>
  )
}

function OneLog({ source }: { source: Source }) {
  const buffer = useRef(new LogBuffer())
  const [version, setVersion] = useState(0)
  const [footer, setFooter] = useState<string | undefined>(undefined)
  useEffect(() => {
    const own = new LogBuffer()
    buffer.current = own
    const encoder = new TextEncoder()
    const drawn = paced(() => setVersion((before) => before + 1))
    const stream = open('machine.logs', [source], {
      data(text) {
        own.push('stdout', encoder.encode(text.endsWith('\n') ? text : `${text}\n`))
        return drawn(text.length)
      },
      end: (error) => setFooter(error ? errorText(error) : undefined),
    })
    return () => stream.close()
  }, [source])
  return (
    <LogView
      buffer={buffer.current}
      version={version}
      name={`slipway-${source}`}
      footer={footer}
      timestamps={false}
      onClear={() => {
        buffer.current.clear()
        setVersion((before) => before + 1)
      }}
    />
  )
}

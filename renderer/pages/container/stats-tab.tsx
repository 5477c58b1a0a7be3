import { Activity } from 'lucide-react'
import { useEffect, useState } from 'react'
import { open } from '../../api.ts'
import { Chart } from '../../components/chart.tsx'
import { Blank, Loading } from '../../components/states.tsx'
import { bytes, memory, percent } from '../../format.ts'
import { useI18n } from '../../i18n.ts'
import { extendHistory, type Sample, toSample } from '../../stats.ts'

interface StatsTabProps {
  id: string
  /** When this run of the container began. */
  run: string
  running: boolean
}

/** CPU, memory, network and disk of the last ten minutes, as far as they were watched. */
export function StatsTab({ id, run, running }: StatsTabProps) {
  const { t, locale } = useI18n()
  const [samples, setSamples] = useState<readonly Sample[]>([])
  useEffect(() => {
    if (!running) return
    setSamples(extendHistory(id, run, []))
    const stream = open('containers.stats', [id], {
      data(stats) {
        if (Date.parse(stats.read) > 0) setSamples(extendHistory(id, run, [toSample(stats)]))
        return undefined
      },
      end: () => undefined,
    })
    return () => stream.close()
  }, [id, run, running])
  if (!running)
    return <Blank icon={Activity} title={t('stats.notRunning')} text={t('stats.notRunningText')} />
  const last = samples.at(-1)
  if (!last) return <Loading rows={4} />
  const times = samples.map((sample) => sample.time / 1000)
  const perSecond = (pick: (sample: Sample) => number): number[] =>
    samples.map((sample, index) => {
      const before = samples[index - 1]
      return before
        ? Math.max(0, (pick(sample) - pick(before)) / Math.max(0.2, (sample.time - before.time) / 1000))
        : 0
    })
  const rate = (value: number): string => t('stats.perSecond', { value: bytes(value, locale) })
  return (
    <div className="charts">
      <Chart
        title={t('stats.cpu')}
        times={times}
        locale={locale}
        min={0.05}
        format={(value) => percent(value, locale)}
        series={[{ label: t('stats.cpu'), color: '--accent', values: samples.map((one) => one.cpu) }]}
      />
      <Chart
        title={t('stats.memoryOf', { limit: memory(last.memoryLimit, locale) })}
        times={times}
        locale={locale}
        binary
        min={2 ** 22}
        format={(value) => memory(value, locale)}
        series={[{ label: t('stats.memory'), color: '--violet', values: samples.map((one) => one.memory) }]}
      />
      <Chart
        title={t('stats.network')}
        times={times}
        locale={locale}
        min={1000}
        format={rate}
        series={[
          { label: t('stats.received'), color: '--accent', values: perSecond((one) => one.received) },
          { label: t('stats.sent'), color: '--amber-dot', values: perSecond((one) => one.sent) },
        ]}
      />
      <Chart
        title={t('stats.disk')}
        times={times}
        locale={locale}
        min={1000}
        format={rate}
        series={[
          { label: t('stats.read'), color: '--green-dot', values: perSecond((one) => one.read) },
          { label: t('stats.written'), color: '--red-dot', values: perSecond((one) => one.written) },
        ]}
      />
    </div>
  )
}

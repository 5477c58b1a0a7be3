import { useEffect, useRef } from 'react'
import UPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import './chart.css'

export interface Series {
  label: string
  /** A CSS custom property: `--accent`. */
  color: string
  values: readonly number[]
}

interface ChartProps {
  title: string
  /** Seconds since the epoch. */
  times: readonly number[]
  series: readonly Series[]
  format: (value: number) => string
  /** The axis reaches at least this far. */
  min: number
  locale: string
  /** Ticks at powers of two, as memory is counted. */
  binary?: boolean
}

/** One quantity over time. Colours follow the theme. */
export function Chart({ title, times, series, format, min, locale, binary = false }: ChartProps) {
  const host = useRef<HTMLDivElement>(null)
  const plot = useRef<UPlot | undefined>(undefined)
  const data = useRef(toData(times, series))
  data.current = toData(times, series)
  const labels = series.map((one) => one.label).join('\n')
  // biome-ignore lint/correctness/useExhaustiveDependencies: the plot is rebuilt only when its series change
  useEffect(() => {
    const box = host.current
    if (!box) return
    const create = (): UPlot =>
      new UPlot(options(box.clientWidth, { series, format, min, locale, binary }), data.current, box)
    plot.current = create()
    const observer = new ResizeObserver(() => plot.current?.setSize({ width: box.clientWidth, height: 150 }))
    observer.observe(box)
    const theme = new MutationObserver(() => {
      plot.current?.destroy()
      plot.current = create()
    })
    theme.observe(document.documentElement, { attributeFilter: ['data-theme'] })
    return () => {
      observer.disconnect()
      theme.disconnect()
      plot.current?.destroy()
    }
  }, [labels, min, locale])
  useEffect(() => plot.current?.setData(toData(times, series)), [times, series])
  const last = series.map((one) => format(one.values.at(-1) ?? 0)).join(' · ')
  return (
    <figure className="chart" aria-label={`${title}: ${last}`}>
      <figcaption>
        <span>{title}</span>
        <span className="num">
          {series.map((one) => (
            <span key={one.label} className="chart-value">
              {series.length > 1 && <i style={{ background: `var(${one.color})` }} />}
              {series.length > 1 && <span className="muted">{one.label}</span>}
              {format(one.values.at(-1) ?? 0)}
            </span>
          ))}
        </span>
      </figcaption>
      <div ref={host} />
    </figure>
  )
}

function toData(times: readonly number[], series: readonly Series[]): UPlot.AlignedData {
  return [[...times], ...series.map((one) => [...one.values])]
}

type Look = Pick<ChartProps, 'series' | 'format' | 'min' | 'locale' | 'binary'>

function options(width: number, { series, format, min, locale, binary }: Look): UPlot.Options {
  const clock = new Intl.DateTimeFormat(locale, {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  })
  const powers = Array.from({ length: 30 }, (_, index) => 2 ** (index + 16))
  const probe = document.createElement('span')
  document.body.append(probe)
  const resolve = (name: string): string => {
    probe.style.color = `var(${name})`
    return getComputedStyle(probe).color
  }
  const axis = {
    stroke: resolve('--text-3'),
    grid: { stroke: resolve('--line'), width: 1 },
    ticks: { show: false },
    font: '11px system-ui',
  }
  const lines = series.map((one) => ({
    label: one.label,
    stroke: resolve(one.color),
    width: 1.5,
    points: { show: false },
  }))
  probe.remove()
  return {
    width,
    height: 150,
    legend: { show: false },
    cursor: { y: false, points: { size: 5 } },
    padding: [8, 8, 0, 0],
    scales: { y: { range: (_plot, _low, high) => [0, Math.max(min, high * 1.1)] } },
    axes: [
      {
        ...axis,
        space: 110,
        gap: 10,
        size: 30,
        values: (_plot, ticks) => ticks.map((tick) => clock.format(tick * 1000)),
      },
      {
        ...axis,
        size: 68,
        space: 40,
        ...(binary && { incrs: powers }),
        values: (_plot, ticks) => ticks.map(format),
      },
    ],
    series: [{}, ...lines],
  }
}

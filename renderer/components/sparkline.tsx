import './sparkline.css'

interface SparklineProps {
  values: readonly number[]
  /** Value at the top edge; the line never auto-scales below it, so that idle looks idle. */
  max: number
  label: string
}

const WIDTH = 56
const HEIGHT = 18
const POINTS = 30

/** A line of the last readings, newest at the right edge. */
export function Sparkline({ values, max, label }: SparklineProps) {
  const shown = values.slice(-POINTS)
  const top = Math.max(max, ...shown)
  const step = WIDTH / (POINTS - 1)
  const points = shown.map((value, index) => {
    const x = WIDTH - (shown.length - 1 - index) * step
    const y = HEIGHT - 1 - (value / top) * (HEIGHT - 2)
    return `${x.toFixed(1)} ${y.toFixed(1)}`
  })
  const line = points.length > 1 ? `M${points.join('L')}` : ''
  const left = (WIDTH - (shown.length - 1) * step).toFixed(1)
  return (
    <svg
      className="sparkline"
      width={WIDTH}
      height={HEIGHT}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={label}
    >
      {line && <path className="sparkline-area" d={`${line}L${WIDTH} ${HEIGHT}L${left} ${HEIGHT}Z`} />}
      {line && <path className="sparkline-line" d={line} />}
    </svg>
  )
}

import './status.css'

export type Tone = 'green' | 'amber' | 'red' | 'gray' | 'busy'

export function Dot({ tone }: { tone: Tone }) {
  return <span className={`dot dot-${tone}`} aria-hidden />
}

export function Badge({
  tone,
  children,
}: {
  tone: 'green' | 'amber' | 'red' | 'gray' | 'blue'
  children: string
}) {
  return <span className={`badge badge-${tone}`}>{children}</span>
}

/** A share of a whole. */
export function Meter({
  value,
  label,
  tone = 'plain',
}: {
  value: number
  label: string
  tone?: 'plain' | 'high'
}) {
  const share = Math.max(0, Math.min(1, value))
  return (
    // biome-ignore lint/a11y/useSemanticElements: the element cannot be styled the same everywhere
    <div
      className={`meter meter-${tone}`}
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(share * 100)}
    >
      <span style={{ width: `${share * 100}%` }} />
    </div>
  )
}

/** Progress of a task; without a value it moves by itself. */
export function ProgressBar({ value, label }: { value: number | undefined; label: string }) {
  return (
    <div
      className={value === undefined ? 'progress progress-unknown' : 'progress'}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={value === undefined ? undefined : Math.round(value * 100)}
    >
      <span style={value === undefined ? undefined : { transform: `scaleX(${Math.min(1, value)})` }} />
    </div>
  )
}

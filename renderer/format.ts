/** Numbers, sizes and times by locale. Pure: the locale and the present are arguments. */

/** Making a formatter costs a hundred times what using it does, and a table has hundreds of cells. */
function cached<O, F>(make: (locale: string, options: O) => F): (locale: string, options: O) => F {
  const made = new Map<string, F>()
  return (locale, options) => {
    const key = locale + JSON.stringify(options)
    const known = made.get(key) ?? make(locale, options)
    made.set(key, known)
    return known
  }
}

const numbers = cached((locale, options: Intl.NumberFormatOptions) => new Intl.NumberFormat(locale, options))
const dates = cached(
  (locale, options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(locale, options),
)
const relative = cached(
  (locale, options: Intl.RelativeTimeFormatOptions) => new Intl.RelativeTimeFormat(locale, options),
)

const UNITS = ['kilobyte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const

/** A size in decimal units, as Docker prints them: `1.2 GB`. */
export function bytes(value: number, locale: string): string {
  const exponent = value < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(value) / 3))
  const scaled = value / 1000 ** exponent
  // Intl has "byte" and "B" without a space, but nothing that lines up with "kB".
  const text = numbers(locale, {
    style: 'unit',
    unit: UNITS[exponent] ?? 'byte',
    unitDisplay: 'short',
    maximumFractionDigits: scaled >= 100 || exponent === 0 ? 0 : 1,
  }).format(scaled)
  return exponent === 0 ? text.replace('kB', 'B') : text
}

/** Memory in binary multiples under decimal names, as every desktop shows it. */
export function memory(value: number, locale: string): string {
  const mebi = value / 2 ** 20
  const [scaled, unit] = mebi >= 1024 ? [mebi / 1024, 'gigabyte'] : [mebi, 'megabyte']
  return numbers(locale, {
    style: 'unit',
    unit,
    unitDisplay: 'short',
    maximumFractionDigits: scaled >= 100 ? 0 : 1,
  }).format(scaled)
}

/** `ratio` 1 is 100 %. */
export function percent(ratio: number, locale: string): string {
  return numbers(locale, {
    style: 'percent',
    maximumFractionDigits: ratio < 0.0995 && ratio > 0 ? 1 : 0,
  }).format(ratio)
}

export function count(value: number, locale: string): string {
  return numbers(locale, {}).format(value)
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
]

/** `3 minutes ago`. Times in milliseconds since the epoch; the future (clock skew) reads as now. */
export function ago(time: number, now: number, locale: string): string {
  const seconds = Math.max(0, Math.round((now - time) / 1000))
  const format = relative(locale, { numeric: 'auto', style: 'short' })
  for (const [unit, size] of STEPS)
    if (seconds >= size) return format.format(-Math.floor(seconds / size), unit)
  return format.format(0, 'second')
}

export function dateTime(time: number, locale: string): string {
  return dates(locale, { dateStyle: 'medium', timeStyle: 'medium' }).format(time)
}

/** Seconds as `2d 3h`, `4m 5s`, in the locale's short units; two units at most. */
export function duration(seconds: number, locale: string): string {
  const parts: string[] = []
  let rest = Math.max(0, Math.floor(seconds))
  for (const [unit, size] of [
    ['day', 86_400],
    ['hour', 3600],
    ['minute', 60],
    ['second', 1],
  ] as const) {
    const value = Math.floor(rest / size)
    rest -= value * size
    if (value > 0 || (unit === 'second' && parts.length === 0))
      parts.push(numbers(locale, { style: 'unit', unit, unitDisplay: 'narrow' }).format(value))
    if (parts.length === 2) break
  }
  return parts.join(' ')
}

/** `sha256:0123…` → the 12 digits that Docker shows. */
export function shortId(id: string): string {
  return id.replace(/^sha256:/, '').slice(0, 12)
}

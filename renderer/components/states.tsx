import { CircleAlert, type LucideIcon, RotateCw } from 'lucide-react'
import type { ReactNode } from 'react'
import { errorText, failureOf } from '../errors.ts'
import { useI18n } from '../i18n.ts'
import { type Resource, resources } from '../resources.ts'
import { Button } from './button.tsx'
import './states.css'

interface BlankProps {
  icon: LucideIcon
  title: string
  text?: string
  children?: ReactNode
  tone?: 'plain' | 'error'
}

/** A page or panel that has nothing to list, and says what to do about it. */
export function Blank({ icon: Icon, title, text, children, tone = 'plain' }: BlankProps) {
  return (
    <div className={`blank blank-${tone}`}>
      <Icon size={26} strokeWidth={1.5} aria-hidden />
      <h2>{title}</h2>
      {text && <p>{text}</p>}
      {children && <div className="blank-actions">{children}</div>}
    </div>
  )
}

/** Bars where rows will be: the layout does not jump when they come. */
export function Loading({ rows = 6 }: { rows?: number }) {
  const { t } = useI18n()
  return (
    <div className="loading" role="status" aria-label={t('common.loading')}>
      {Array.from({ length: rows }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: identical bars
        <span key={index} style={{ width: `${[62, 48, 71, 55, 66, 44][index % 6]}%` }} />
      ))}
    </div>
  )
}

interface LoadedProps<T> {
  resource: Resource<T>
  /** Tags to fetch again on Retry. */
  tags: readonly string[]
  rows?: number
  children: (data: T) => ReactNode
}

/** Loading, failure or the data; old data stays under a notice when a refresh failed. */
export function Loaded<T>({ resource, tags, rows, children }: LoadedProps<T>) {
  const { t } = useI18n()
  if (resource.status === 'loading') return <Loading {...(rows !== undefined && { rows })} />
  if (resource.status === 'ready') return children(resource.data)
  const retry = (
    <Button icon={RotateCw} onClick={() => resources.invalidate(...tags)}>
      {t('common.retry')}
    </Button>
  )
  if (resource.data === undefined) {
    return (
      <Blank icon={CircleAlert} tone="error" title={t('common.loadFailed')} text={failureOf(resource.error)}>
        {retry}
      </Blank>
    )
  }
  return (
    <>
      <Notice tone="error" action={retry}>
        {t('common.stale')} {errorText(resource.error)}
      </Notice>
      {children(resource.data)}
    </>
  )
}

/** A line that belongs to the page, not to a moment. */
export function Notice({
  tone,
  action,
  children,
}: {
  tone: 'error' | 'warning' | 'info'
  action?: ReactNode
  children: ReactNode
}) {
  return (
    <div className={`notice notice-${tone}`} role={tone === 'error' ? 'alert' : 'note'}>
      <div className="grow">{children}</div>
      {action}
    </div>
  )
}

import { ArrowLeft } from 'lucide-react'
import type { ReactNode } from 'react'
import { useI18n } from '../i18n.ts'
import { href } from '../router.ts'
import './page.css'

interface PageProps {
  title: ReactNode
  /** Beside the title: counts, a state. */
  aside?: ReactNode
  actions?: ReactNode
  /** Below the title: search and filters. */
  bar?: ReactNode
  /** Parts of the route one level up. */
  up?: readonly string[]
  children: ReactNode
}

/** One screen: a header that stays and a body that scrolls by itself. */
export function Page({ title, aside, actions, bar, up, children }: PageProps) {
  const { t } = useI18n()
  return (
    <main className="page">
      <header className="page-header">
        {up && (
          <a className="icon-button" href={href(...up)} aria-label={t('common.back')}>
            <ArrowLeft size={16} aria-hidden />
          </a>
        )}
        <h1 className="ellipsis">{title}</h1>
        <div className="row page-aside">{aside}</div>
        <div className="row page-actions">{actions}</div>
      </header>
      {bar && <div className="page-bar">{bar}</div>}
      <div className="page-body">{children}</div>
    </main>
  )
}

/** A scrolling column of sections, for pages that are not one list. */
export function Column({ children }: { children: ReactNode }) {
  return (
    <div className="column">
      <div className="column-inner">{children}</div>
    </div>
  )
}

export function Section({
  title,
  action,
  children,
}: {
  title: string
  action?: ReactNode
  children: ReactNode
}) {
  return (
    <section className="section">
      <div className="section-head">
        <h2>{title}</h2>
        {action}
      </div>
      {children}
    </section>
  )
}

import { PlugZap } from 'lucide-react'
import { useI18n } from '../i18n.ts'
import { Blank } from './states.tsx'
import './connection-lost.css'

/** The app's own process does not answer (`refused`: it does not know this page any more). */
export function ConnectionLost({ refused = false }: { refused?: boolean }) {
  const { t } = useI18n()
  if (refused)
    return (
      <Blank icon={PlugZap} tone="error" title={t('connection.refused')} text={t('connection.refusedText')} />
    )
  return (
    <div className="lost" role="alert">
      <PlugZap size={14} aria-hidden />
      {t('connection.lost')}
    </div>
  )
}

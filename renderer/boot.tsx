import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { connect } from './api.ts'
import { App } from './app.tsx'
import type { Bridge } from './bridge.ts'
import { I18nProvider, pickLanguage, startI18n } from './i18n.ts'
import { startNotices } from './notices.ts'
import { startSession } from './session.ts'
import './styles/tokens.css'
import './styles/base.css'

/** Shows the window over a bridge. */
export async function boot(bridge: Bridge): Promise<void> {
  connect(bridge)
  await startI18n(pickLanguage(undefined, navigator.language))
  startSession()
  startNotices()
  const root = document.getElementById('root')
  if (!root) throw new Error('index.html has no #root')
  createRoot(root).render(
    <StrictMode>
      <I18nProvider>
        <App />
      </I18nProvider>
    </StrictMode>,
  )
}

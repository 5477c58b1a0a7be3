import { Tooltip } from '@base-ui/react/tooltip'
import { lazy, Suspense, useEffect } from 'react'
import { ConnectionLost } from './components/connection-lost.tsx'
import { DialogHost } from './components/dialog-host.tsx'
import { MenuHost } from './components/menu.tsx'
import { Sidebar } from './components/sidebar.tsx'
import { Loading } from './components/states.tsx'
import { ToastHost } from './components/toast.tsx'
import { dialogs, showDialog } from './dialogs.ts'
import { pickLanguage, setLanguage } from './i18n.ts'
import { CleanupPage } from './pages/cleanup/cleanup-page.tsx'
import { ContainerPage } from './pages/container/container-page.tsx'
import { ContainersPage } from './pages/containers/containers-page.tsx'
import { ImagePage } from './pages/images/image-page.tsx'
import { ImagesPage } from './pages/images/images-page.tsx'
import { MachinePage } from './pages/machine/machine-page.tsx'
import { NetworkPage } from './pages/networks/network-page.tsx'
import { NetworksPage } from './pages/networks/networks-page.tsx'
import { SettingsPage } from './pages/settings/settings-page.tsx'
import { VolumePage } from './pages/volumes/volume-page.tsx'
import { VolumesPage } from './pages/volumes/volumes-page.tsx'
import { WelcomePage } from './pages/welcome/welcome-page.tsx'
import { replace, useRoute } from './router.ts'
import { session } from './session.ts'
import { installShortcuts } from './shortcuts.ts'
import { useStore } from './store.ts'
import './app.css'

const Palette = lazy(() => import('./components/palette.tsx').then((module) => ({ default: module.Palette })))

export function App() {
  const palette = useStore(dialogs, (state) => state.palette)
  const connection = useStore(session, (state) => state.connection)
  useAppearance()
  useEffect(installShortcuts, [])
  return (
    <Tooltip.Provider delay={500}>
      <div className="app">
        <Sidebar />
        <div className="app-main">{connection === 'refused' ? <ConnectionLost refused /> : <Screen />}</div>
      </div>
      {connection === 'lost' && <ConnectionLost />}
      <DialogHost />
      <MenuHost />
      {palette && (
        <Suspense fallback={null}>
          <Palette />
        </Suspense>
      )}
      <ToastHost />
    </Tooltip.Provider>
  )
}

function Screen() {
  const { parts } = useRoute()
  const [page, id, tab] = parts
  switch (page) {
    case 'containers':
      return id ? <ContainerPage key={id} id={id} tab={tab ?? 'logs'} /> : <ContainersPage />
    case 'images':
      return id ? <ImagePage key={id} id={id} /> : <ImagesPage />
    case 'volumes':
      return id ? <VolumePage key={id} name={id} /> : <VolumesPage />
    case 'networks':
      return id ? <NetworkPage key={id} id={id} /> : <NetworksPage />
    case 'cleanup':
      return <CleanupPage />
    case 'machine':
      return <MachinePage tab={id ?? 'overview'} />
    case 'settings':
      return <SettingsPage />
    case 'run':
      return <RunFromMenu />
    case 'welcome':
      return <WelcomePage />
    case undefined:
      return <Loading />
    default:
      return <ContainersPage />
  }
}

/** The native menu's way to the dialog: an address. */
function RunFromMenu() {
  useEffect(() => {
    replace('containers')
    showDialog({ kind: 'run' })
  }, [])
  return <Loading />
}

/** Theme and language follow the settings, and the system where they say so. */
function useAppearance(): void {
  const theme = useStore(session, (state) => state.settings?.theme ?? 'system')
  const language = useStore(session, (state) => state.settings?.language)
  const locale = useStore(session, (state) => state.app?.locale)
  useEffect(() => {
    const media = window.matchMedia('(prefers-color-scheme: dark)')
    const apply = (): void => {
      document.documentElement.dataset['theme'] =
        theme === 'system' ? (media.matches ? 'dark' : 'light') : theme
    }
    apply()
    media.addEventListener('change', apply)
    return () => media.removeEventListener('change', apply)
  }, [theme])
  useEffect(() => setLanguage(pickLanguage(language, locale ?? navigator.language)), [language, locale])
}

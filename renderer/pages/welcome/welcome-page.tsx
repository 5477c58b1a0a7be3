import { Check, ExternalLink, Play } from 'lucide-react'
import { useEffect, useState } from 'react'
import { openUrl, portUrl } from '../../actions.ts'
import { call } from '../../api.ts'
import { Button } from '../../components/button.tsx'
import { Page } from '../../components/page.tsx'
import { Notice } from '../../components/states.tsx'
import { failureOf } from '../../errors.ts'
import { useI18n } from '../../i18n.ts'
import { useContainers } from '../../queries.ts'
import { go } from '../../router.ts'
import { isOnline, session } from '../../session.ts'
import { useStore } from '../../store.ts'
import { portChips } from '../containers/containers-view.ts'
import { machineAction } from '../machine/machine-actions.ts'
import './welcome.css'

const IMAGE = 'slipway/welcome'

/** From nothing to a page of the user's own container: start, run, open. */
export function WelcomePage() {
  const { t } = useI18n()
  const machine = useStore(session, (state) => state.machine)
  const containers = useContainers()
  const [pending, setPending] = useState(false)
  const [failure, setFailure] = useState<string | undefined>(undefined)
  const online = isOnline(machine)
  const welcome = ('data' in containers ? (containers.data ?? []) : []).find(
    (one) => one.Image.startsWith(IMAGE) && one.State === 'running',
  )
  const [port] = welcome ? portChips(welcome) : []
  const answering = useAnswering(port?.port)
  const run = async (): Promise<void> => {
    setPending(true)
    setFailure(undefined)
    try {
      await runWelcome()
    } catch (error) {
      setFailure(failureOf(error))
    } finally {
      setPending(false)
    }
  }
  const step = !online ? 1 : !port ? 2 : 3
  return (
    <Page title={t('welcome.title')}>
      <div className="welcome">
        <p className="muted">{t('welcome.text')}</p>
        <ol>
          <Step number={1} current={step} title={t('welcome.start')} text={t('welcome.startText')}>
            <Button
              kind="primary"
              icon={Play}
              busy={machine?.state === 'starting'}
              onClick={() => void machineAction('start')}
            >
              {t('machine.start')}
            </Button>
          </Step>
          <Step number={2} current={step} title={t('welcome.run')} text={t('welcome.runText')}>
            <Button kind="primary" icon={Play} busy={pending} onClick={() => void run()}>
              {t('welcome.runButton')}
            </Button>
          </Step>
          <Step number={3} current={step} title={t('welcome.open')} text={t('welcome.openText')}>
            {port && welcome && (
              <div className="row">
                <Button
                  kind="primary"
                  icon={ExternalLink}
                  busy={!answering}
                  onClick={() => openUrl(portUrl(port.ip, port.port))}
                >
                  {portUrl(port.ip, port.port)}
                </Button>
                <Button onClick={() => go('containers', welcome.Id, 'terminal')}>
                  {t('welcome.lookInside')}
                </Button>
              </div>
            )}
          </Step>
        </ol>
        {failure && <Notice tone="error">{failure}</Notice>}
      </div>
    </Page>
  )
}

/** Whether the page can be opened: a program listens only some time after its container has started. */
function useAnswering(port: number | undefined): boolean {
  const [known, setKnown] = useState<number | undefined>(undefined)
  useEffect(() => {
    if (port === undefined) return
    const abort = new AbortController()
    const done = (): void => {
      if (!abort.signal.aborted) setKnown(port)
    }
    // Whatever became of it, the address is offered in the end: the browser then says what is wrong.
    call('ports.answers', [port], { signal: abort.signal }).then(done, done)
    return () => abort.abort()
  }, [port])
  return port !== undefined && known === port
}

/** Runs the built-in image on the next free port from 8080. */
async function runWelcome(): Promise<void> {
  const wanted = await call('ports.free', ['127.0.0.1', 8080, 'tcp'])
  const port = wanted.free ? 8080 : wanted.next
  const existing = await call('containers.list', [{ all: true, filters: { name: ['^/welcome$'] } }])
  const name = existing.length > 0 ? undefined : 'welcome'
  await imageThere()
  const { Id } = await call('containers.create', [
    name,
    {
      Image: IMAGE,
      ExposedPorts: { '80/tcp': {} },
      HostConfig: { PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: String(port) }] } },
    },
  ])
  await call('containers.start', [Id])
}

/** On the very first start the engine still unpacks the built-in image when it already answers. */
async function imageThere(): Promise<void> {
  const deadline = Date.now() + 60_000
  while (Date.now() < deadline) {
    const images = await call('images.list', [{ reference: [IMAGE] }])
    if (images.length > 0) return
    await new Promise((resolve) => setTimeout(resolve, 1000))
  }
}

interface StepProps {
  number: number
  current: number
  title: string
  text: string
  children: React.ReactNode
}

function Step({ number, current, title, text, children }: StepProps) {
  const done = number < current
  return (
    <li className="welcome-step" data-state={done ? 'done' : number === current ? 'now' : 'later'}>
      <span className="welcome-number">
        {done ? <Check size={14} strokeWidth={2.5} aria-hidden /> : number}
      </span>
      <div className="grow">
        <h2>{title}</h2>
        <p className="muted">{text}</p>
        {number === current && <div className="welcome-action">{children}</div>}
      </div>
    </li>
  )
}

import { Check, CircleAlert, KeyRound, RotateCw, X } from 'lucide-react'
import { useEffect, useRef } from 'react'
import { Button, IconButton } from '../../components/button.tsx'
import { ProgressBar } from '../../components/status.tsx'
import { showDialog } from '../../dialogs.ts'
import { bytes, count, percent } from '../../format.ts'
import { useI18n } from '../../i18n.ts'
import { useStore } from '../../store.ts'
import { cancelTask, dismissTask, type Layer, type Task, taskProgress, tasks } from '../../tasks.ts'
import './task-list.css'

/** Everything under way, and what failed until it is taken away. */
export function TaskList({ kinds }: { kinds: readonly Task['kind'][] }) {
  const all = useStore(tasks, (state) => state)
  const shown = all.filter(
    (task) => kinds.includes(task.kind) && (task.state === 'running' || task.state === 'failed'),
  )
  if (shown.length === 0) return null
  return (
    <div className="tasks">
      {shown.map((task) => (
        <TaskCard key={task.id} task={task} />
      ))}
    </div>
  )
}

/** The running pull of one reference, inside a dialog. */
export function PullProgress({ reference }: { reference: string }) {
  const task = useStore(tasks, (all) =>
    all.find((one) => one.kind === 'pull' && one.subject === reference && one.state === 'running'),
  )
  return task ? <TaskCard task={task} /> : null
}

export function TaskCard({ task }: { task: Task }) {
  const { t, locale } = useI18n()
  const progress = taskProgress(task)
  const running = task.state === 'running'
  return (
    <div className={`task task-${task.state}`}>
      <div className="task-head">
        {task.state === 'failed' && <CircleAlert size={15} aria-hidden />}
        {task.state === 'done' && <Check size={15} aria-hidden />}
        <span className="ellipsis">{t(`task.${task.kind}`, { name: task.subject })}</span>
        <span className="grow" />
        {running && progress !== undefined && <span className="num muted">{percent(progress, locale)}</span>}
        <IconButton
          icon={X}
          label={running ? t('common.cancel') : t('common.dismiss')}
          onClick={() => (running ? cancelTask(task.id) : dismissTask(task.id))}
        />
      </div>
      {task.error && <Failed task={task} error={task.error} />}
      {running && (
        <ProgressBar
          value={task.kind === 'build' || task.kind === 'load' ? undefined : progress}
          label={task.subject}
        />
      )}
      {running && task.layers.length > 0 && (
        <ul className="layers">
          {task.layers.map((layer) => (
            <LayerRow key={layer.id} layer={layer} />
          ))}
        </ul>
      )}
      {task.kind === 'build' && <Output lines={task.output} />}
    </div>
  )
}

/** A registry that wants to know who asks; all that the stream of a pull tells is its words. */
const REFUSED = /unauthorized|authentication required|no basic auth|denied/i

function Failed({ task, error }: { task: Task; error: string }) {
  const { t } = useI18n()
  const host = /^([^/]+[.:][^/]*|localhost)\//.exec(task.subject)?.[1] ?? 'docker.io'
  const again = task.again
  return (
    <div className="task-failed">
      <p className="task-error grow">{error}</p>
      {REFUSED.test(error) && (
        <Button icon={KeyRound} onClick={() => showDialog({ kind: 'login', host })}>
          {t('registries.signInDots')}
        </Button>
      )}
      {again && (
        <Button
          icon={RotateCw}
          onClick={() => {
            dismissTask(task.id)
            again()
          }}
        >
          {t('common.retry')}
        </Button>
      )}
    </div>
  )
}

function LayerRow({ layer }: { layer: Layer }) {
  const { locale } = useI18n()
  const share = layer.done ? 1 : layer.total > 0 ? layer.current / layer.total : 0
  const size =
    layer.total > 0 && !layer.done ? `${bytes(layer.current, locale)} / ${bytes(layer.total, locale)}` : ''
  return (
    <li className="layer">
      <code>{layer.id}</code>
      <ProgressBar value={share} label={layer.id} />
      <span className="ellipsis">{layer.status}</span>
      <span className="num">{size}</span>
    </li>
  )
}

function Output({ lines }: { lines: readonly string[] }) {
  const { t, locale } = useI18n()
  const box = useRef<HTMLPreElement>(null)
  // biome-ignore lint/correctness/useExhaustiveDependencies: new lines move the end
  useEffect(() => {
    if (box.current) box.current.scrollTop = box.current.scrollHeight
  }, [lines])
  return (
    <pre
      ref={box}
      className="task-output"
      role="log"
      aria-label={t('task.output', { lines: count(lines.length, locale) })}
    >
      {lines.join('\n')}
    </pre>
  )
}

import { Toast } from '@base-ui/react/toast'
import { CircleAlert, CircleCheck, X } from 'lucide-react'
import { kindOf } from '../../vm/api/errors.ts'
import { failureOf } from '../errors.ts'
import { t, useI18n } from '../i18n.ts'
import './toast.css'

const manager = Toast.createToastManager()

interface Notice {
  title: string
  detail?: string
  kind?: 'info' | 'success' | 'error'
  action?: { label: string; run: () => void }
  /** Milliseconds; 0 stays until closed. */
  timeout?: number
}

/** Shows a notice; returns a function that takes it away. */
export function notify({ title, detail, kind = 'info', action, timeout }: Notice): () => void {
  const id = manager.add({
    title,
    description: detail,
    type: kind,
    priority: kind === 'error' ? 'high' : 'low',
    timeout: timeout ?? (kind === 'error' ? 12_000 : 5000),
    ...(action && {
      actionProps: {
        children: action.label,
        onClick: () => {
          manager.close(id)
          action.run()
        },
      },
    }),
  })
  return () => manager.close(id)
}

/** What went wrong, in the engine's words, under what was being done. A cancellation is no failure. */
export function notifyError(title: string, error: unknown): void {
  if (kindOf(error) === 'cancelled') return
  notify({ title, detail: failureOf(error), kind: 'error' })
}

export function copyText(text: string): void {
  navigator.clipboard.writeText(text).then(
    () => notify({ title: t('common.copied'), timeout: 1800 }),
    (error: unknown) => notifyError(t('common.copyFailed'), error),
  )
}

export function ToastHost() {
  return (
    <Toast.Provider toastManager={manager} limit={4}>
      <Toast.Portal>
        <Toast.Viewport className="toasts">
          <Toasts />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  )
}

function Mark({ kind }: { kind: string | undefined }) {
  if (kind === 'error') return <CircleAlert className="toast-icon" size={16} aria-hidden />
  if (kind === 'success') return <CircleCheck className="toast-icon" size={16} aria-hidden />
  return null
}

function Toasts() {
  const { toasts } = Toast.useToastManager()
  const { t: translate } = useI18n()
  return toasts.map((toast) => (
    <Toast.Root
      key={toast.id}
      toast={toast}
      className={`toast toast-${toast.type}`}
      swipeDirection={['right']}
    >
      <Toast.Content className="toast-content">
        <Mark kind={toast.type} />
        <div className="grow">
          <Toast.Title className="toast-title" />
          <Toast.Description className="toast-detail" />
        </div>
        {toast.actionProps && <Toast.Action className="toast-action" />}
        <Toast.Close className="toast-close" aria-label={translate('common.close')}>
          <X size={13} aria-hidden />
        </Toast.Close>
      </Toast.Content>
    </Toast.Root>
  ))
}

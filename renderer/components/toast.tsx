import { Toast } from '@base-ui/react/toast'
import { X } from 'lucide-react'
import { kindOf, messageOf } from '../../vm/api/errors.ts'
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
  const hint =
    error instanceof Error && 'hint' in error && typeof error.hint === 'string' ? `\n${error.hint}` : ''
  notify({ title, detail: `${messageOf(error)}${hint}`, kind: 'error' })
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

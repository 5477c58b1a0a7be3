import { Dialog } from '@base-ui/react/dialog'
import { X } from 'lucide-react'
import { type FormEvent, type ReactNode, useRef } from 'react'
import { useI18n } from '../i18n.ts'
import { IconButton } from './button.tsx'
import './dialog.css'

interface ModalProps {
  title: string
  description?: string
  width?: number
  /** A taller dialog scrolls its body; header and footer stay. */
  children: ReactNode
  footer?: ReactNode
  onClose: () => void
  onSubmit?: () => void
}

const FIRST =
  '.modal-body :is(input, textarea, button):not(:disabled, [data-disabled], [tabindex="-1"], [aria-hidden="true"])'

/** A modal dialog; rendered while open. Escape and the scrim close it; Enter in a field submits. */
export function Modal({ title, description, width = 480, children, footer, onClose, onSubmit }: ModalProps) {
  const { t } = useI18n()
  const popup = useRef<HTMLDivElement>(null)
  // To the first field, not to the button that closes; what took the focus by itself keeps it.
  const firstFocus = (): HTMLElement | null | false => {
    if (popup.current?.contains(document.activeElement)) return false
    return popup.current?.querySelector<HTMLElement>(FIRST) ?? popup.current
  }
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    event.stopPropagation()
    onSubmit?.()
  }
  return (
    <Dialog.Root open onOpenChange={(open) => !open && onClose()}>
      <Dialog.Portal>
        <Dialog.Backdrop className="scrim" />
        <Dialog.Popup className="modal" style={{ width }} ref={popup} initialFocus={firstFocus}>
          <form className="modal-form" onSubmit={submit} noValidate>
            <header className="modal-header">
              <Dialog.Title className="modal-title">{title}</Dialog.Title>
              <IconButton icon={X} label={t('common.close')} onClick={onClose} />
            </header>
            {description && (
              <Dialog.Description className="modal-description">{description}</Dialog.Description>
            )}
            <div className="modal-body">{children}</div>
            {footer && <footer className="modal-footer">{footer}</footer>}
          </form>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  )
}

import { Button as BaseButton } from '@base-ui/react/button'
import type { LucideIcon } from 'lucide-react'
import type { ComponentProps, ReactNode } from 'react'
import { Tip } from './tooltip.tsx'
import './button.css'

type Kind = 'plain' | 'primary' | 'ghost' | 'danger'

export interface ButtonProps extends Omit<ComponentProps<'button'>, 'className'> {
  kind?: Kind
  icon?: LucideIcon
  /** Shows a spinner in place of the icon and keeps the width. */
  busy?: boolean
  children?: ReactNode
}

export function Button({
  kind = 'plain',
  icon: Icon,
  busy = false,
  children,
  disabled,
  ...rest
}: ButtonProps) {
  return (
    <BaseButton
      type="button"
      className={`button button-${kind}`}
      disabled={disabled || busy}
      focusableWhenDisabled={busy}
      {...rest}
    >
      {busy ? <Spinner /> : Icon && <Icon size={14} strokeWidth={2} aria-hidden />}
      {children && <span>{children}</span>}
    </BaseButton>
  )
}

export interface IconButtonProps extends Omit<ComponentProps<'button'>, 'className' | 'children'> {
  icon: LucideIcon
  label: string
  /** Shown in the tooltip only. */
  shortcut?: string
  busy?: boolean
  pressed?: boolean
}

/** A button that is only an icon: always has a name, shown as a tooltip. */
export function IconButton({
  icon: Icon,
  label,
  shortcut,
  busy = false,
  pressed,
  disabled,
  ...rest
}: IconButtonProps) {
  return (
    <Tip label={label} shortcut={shortcut}>
      <BaseButton
        type="button"
        className="icon-button"
        aria-label={label}
        aria-pressed={pressed}
        disabled={disabled || busy}
        focusableWhenDisabled
        {...rest}
      >
        {busy ? <Spinner /> : <Icon size={15} strokeWidth={1.9} aria-hidden />}
      </BaseButton>
    </Tip>
  )
}

type RowButtonProps = Pick<IconButtonProps, 'icon' | 'label' | 'busy' | 'disabled' | 'onClick'>

/**
 * An icon in a row of a table: no tab stop of its own, and the browser's own tooltip. Rows come and go by the dozen in
 * one frame of scrolling, and what `IconButton` does is most of what a row would cost.
 */
export function RowButton({ icon: Icon, label, busy = false, disabled = false, onClick }: RowButtonProps) {
  const off = disabled || busy
  return (
    <button
      type="button"
      className="icon-button"
      aria-label={label}
      title={label}
      tabIndex={-1}
      // Not `disabled`: what was pressed keeps the focus.
      aria-disabled={off || undefined}
      data-disabled={off ? '' : undefined}
      onClick={off ? undefined : onClick}
    >
      {busy ? <Spinner /> : <Icon size={15} strokeWidth={1.9} aria-hidden />}
    </button>
  )
}

export function Spinner() {
  return <span className="spinner" aria-hidden />
}

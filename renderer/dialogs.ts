import type { RunForm } from './pages/run/run-form.ts'
import { Store } from './store.ts'

/** The one dialog that is open. */
export type DialogState =
  | { kind: 'run'; form?: Partial<RunForm> }
  | { kind: 'edit'; id: string }
  | { kind: 'exec'; container: string; user: string }
  | { kind: 'pull'; reference?: string }
  | { kind: 'build' }
  | { kind: 'network' }
  | { kind: 'login'; host?: string }
  | {
      kind: 'confirm'
      title: string
      text: string
      action: string
      check?: string
      run: (checked: boolean) => void
    }
  | {
      kind: 'prompt'
      title: string
      label: string
      value: string
      action: string
      hint?: string
      run: (value: string) => Promise<unknown>
    }

export const dialogs = new Store<{ open: DialogState | undefined; palette: boolean }>(
  { open: undefined, palette: false },
  (run) => run(),
)

export function showDialog(dialog: DialogState): void {
  dialogs.patch({ open: dialog, palette: false })
}

export function closeDialog(): void {
  dialogs.patch({ open: undefined })
}

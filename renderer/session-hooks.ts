import { isOnline, session } from './session.ts'
import { useStore } from './store.ts'

/** Whether the engine can be asked now. */
export function useOnline(): boolean {
  return useStore(session, (state) => isOnline(state.machine))
}

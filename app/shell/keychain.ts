import { safeStorage } from 'electron'
import type { Vault } from '../registry-accounts.ts'

/**
 * Electron's safe storage (Keychain, DPAPI, libsecret, KWallet). None where Linux offers no keyring: its "basic text"
 * would only look safe. Ask after the app is ready.
 */
export function keychain(): Vault | undefined {
  if (!safeStorage.isEncryptionAvailable()) return undefined
  if (process.platform === 'linux' && safeStorage.getSelectedStorageBackend() === 'basic_text')
    return undefined
  return {
    seal: (secret) => safeStorage.encryptString(secret).toString('base64'),
    open: (sealed) => safeStorage.decryptString(Buffer.from(sealed, 'base64')),
  }
}

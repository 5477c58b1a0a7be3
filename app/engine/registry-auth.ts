import type { RegistryAuth } from '../../vm/api/images.ts'

/** Credentials of one registry, as Docker's clients send them; `{}` is nobody. */
export function registryAuth(auth: RegistryAuth = {}): { 'x-registry-auth': string } {
  return { 'x-registry-auth': Buffer.from(JSON.stringify(auth)).toString('base64url') }
}

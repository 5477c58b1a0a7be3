const REMOVED = '[removed]'

/** Text without what must not leave the machine: private keys, credentials in addresses, tokens, passwords. */
export function withoutSecrets(text: string): string {
  return text
    .replaceAll(/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g, REMOVED)
    .replaceAll(/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@"']+@/gi, `$1${REMOVED}@`)
    .replaceAll(/(\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}/gi, `$1${REMOVED}`)
    .replaceAll(/([?&](?:token|access_token|signature|sig)=)[^\s&"']+/gi, `$1${REMOVED}`)
    .replaceAll(
      /("?[\w-]*(?:password|passwd|secret|token|api[_-]?key|registry-?auth|private_?key)[\w-]*"?\s*[:=]\s*)("(?:[^"\\]|\\.)*"|[^\s,&"}]+)/gi,
      (_match, key: string, value: string) => `${key}${value.startsWith('"') ? `"${REMOVED}"` : REMOVED}`,
    )
}

/** Korean particles come in two forms, by whether the word before them ends in a consonant. */
const FORMS: Readonly<Record<string, readonly [afterConsonant: string, afterVowel: string]>> = {
  을: ['을', '를'],
  은: ['은', '는'],
  이: ['이', '가'],
  으로: ['으로', '로'],
}

export const PARTICLES = Object.keys(FORMS)

/** The word with its particle, named by the form after a consonant: `josa('web', '을')` is "web을". */
export function josa(word: string, particle: string): string {
  const [closed, open] = FORMS[particle] ?? [particle, particle]
  const sound = ending(word)
  // After ㄹ one says 로.
  return word + (sound === 'vowel' || (sound === 'l' && particle === '으로') ? open : closed)
}

const RIEUL = 8

/** How the last syllable ends when read aloud; Latin names as Koreans spell them: web is 웹, redis is 레디스. */
function ending(word: string): 'consonant' | 'vowel' | 'l' {
  const text = word.replace(/[^\p{L}\p{N}]+$/u, '')
  const code = (text.at(-1) ?? '').charCodeAt(0)
  if (code >= 0xac00 && code <= 0xd7a3) {
    const final = (code - 0xac00) % 28
    return final === 0 ? 'vowel' : final === RIEUL ? 'l' : 'consonant'
  }
  if (/[178]$|l$/i.test(text)) return 'l'
  return /[036mn]$|ng$|[aeiou](?:ck|pp|tt|[bckpt])$/i.test(text) ? 'consonant' : 'vowel'
}

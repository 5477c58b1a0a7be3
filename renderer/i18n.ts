import i18next from 'i18next'
import { createContext, createElement, type ReactNode, useContext, useMemo } from 'react'
import { initReactI18next, useTranslation } from 'react-i18next'
import { josa, PARTICLES } from './lib/josa.ts'
import en from './locales/en.json'
import ko from './locales/ko.json'

export type Language = 'en' | 'ko'

/** The language to show for a setting and the operating system's locale. */
export function pickLanguage(setting: 'system' | Language | undefined, locale: string): Language {
  if (setting === 'en' || setting === 'ko') return setting
  return /^ko\b/i.test(locale) ? 'ko' : 'en'
}

/** Both languages are in the bundle: switching is instant and needs no request. */
export async function startI18n(language: Language): Promise<void> {
  await i18next.use(initReactI18next).init({
    lng: language,
    fallbackLng: 'en',
    resources: { en: { translation: en }, ko: { translation: ko } },
    interpolation: { escapeValue: false },
    returnNull: false,
  })
  for (const particle of PARTICLES)
    i18next.services.formatter?.add(particle, (value) => josa(String(value), particle))
  document.documentElement.lang = language
}

export function setLanguage(language: Language): void {
  if (i18next.language === language) return
  void i18next.changeLanguage(language)
  document.documentElement.lang = language
}

/** The language that is shown now. */
export const language = (): Language => (i18next.language === 'ko' ? 'ko' : 'en')

/** Translation outside components (toasts, menus built in actions). */
export const t = i18next.t.bind(i18next)

/** Translation and the locale for Intl. */
interface I18n {
  readonly t: typeof t
  readonly locale: Language
}

const I18nContext = createContext<I18n>({ t, locale: 'en' })

/** Asks the library once for the whole window: every cell of a table wants to know, and must have it for nothing. */
export function I18nProvider({ children }: { children: ReactNode }): ReactNode {
  const { t: translate } = useTranslation()
  const locale = language()
  const value = useMemo(() => ({ t: translate, locale }), [translate, locale])
  return createElement(I18nContext, { value }, children)
}

export const useI18n = (): I18n => useContext(I18nContext)

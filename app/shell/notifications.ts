import type { News } from '../news.ts'
import { say } from '../sayings.ts'
import type { Texts } from './texts.ts'

export interface Note {
  readonly title: string
  readonly body: string
  /** The page that tells more. */
  readonly route: string
}

/** News as the desktop shows it. */
export function noteOf(news: News, texts: Texts): Note {
  switch (news.kind) {
    case 'died':
      return {
        title: 'Slipway',
        body: texts('notify.died', { name: news.name, code: news.code }),
        route: `/containers/${news.id}/logs`,
      }
    case 'pulled':
      return { title: 'Slipway', body: texts('notify.pulled', { name: news.name }), route: '/images' }
    case 'failed':
      return {
        title: texts('notify.failed'),
        body: news.said?.message ? say(news.said.message, texts.language) : news.error,
        route: '/machine',
      }
  }
}

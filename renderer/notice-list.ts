import type { News } from '../app/news.ts'

export type Notice = News & {
  readonly key: string
  /** Of the last time, in milliseconds since the epoch. */
  readonly time: number
  /** How often it happened: a container that is started again and again is one line. */
  readonly times: number
}

const KEPT = 50
/** Milliseconds in which the same news interrupts nobody a second time. */
const SAME = 10 * 60_000

/** The list with the news on top, and whether they are worth interrupting somebody. */
export function withNews(
  list: readonly Notice[],
  news: News,
  now: number,
): { list: readonly Notice[]; fresh: boolean } {
  const before = list.find((one) => isSame(one, news))
  const fresh = before === undefined || now - before.time > SAME
  const notice: Notice = {
    ...news,
    key: before?.key ?? crypto.randomUUID(),
    time: now,
    times: (before?.times ?? 0) + 1,
  }
  return { list: [notice, ...list.filter((one) => one !== before)].slice(0, KEPT), fresh }
}

function isSame(a: News, b: News): boolean {
  if (a.kind === 'died' && b.kind === 'died') return a.id === b.id && a.code === b.code
  return a.kind === 'pulled' && b.kind === 'pulled' && a.name === b.name
}

import { useEffect, useState } from 'react'
import { call } from '../../api.ts'
import { errorText } from '../../errors.ts'

/** What a registry is asked about the text so far. */
export type Question = { ask: 'tags' | 'names'; of: string }

/** A name before its colon has tags; a word without one is searched for; less than two letters are no word. Pure. */
export function questionOf(reference: string): Question | undefined {
  const text = reference.trim()
  if (text.includes('@')) return undefined
  const tagged = /^(.+[^/]):[^/]*$/.exec(text)?.[1]
  if (tagged !== undefined) return { ask: 'tags', of: tagged }
  const word = text.slice(text.lastIndexOf('/') + 1)
  const elsewhere = /[.:].*\//.test(text)
  return word.length >= 2 || elsewhere ? { ask: 'names', of: text } : undefined
}

export interface Completion {
  /** Whole references, the registry's best first. */
  items: readonly string[]
  /** What the registry says about those that a search found; may be nothing. */
  details: ReadonlyMap<string, string>
  /** Why the registry has no answer. */
  problem?: string
}

const NOTHING: Completion = { items: [], details: new Map() }

async function answer({ ask, of }: Question, signal: AbortSignal): Promise<Completion> {
  if (ask === 'tags') {
    const tags = await call('images.tags', [of], { signal })
    return { ...NOTHING, items: tags.map((tag) => `${of}:${tag}`) }
  }
  const found = await call('images.search', [of], { signal })
  return {
    items: found.map(({ name }) => name),
    details: new Map(found.map(({ name, description }) => [name, description])),
  }
}

/** Names and tags from the registry that the text is about, a moment after the last key. */
export function useCompletion(reference: string): Completion {
  const { ask, of } = questionOf(reference) ?? {}
  const [completion, setCompletion] = useState(NOTHING)
  useEffect(() => {
    setCompletion(NOTHING)
    if (ask === undefined || of === undefined) return
    const abort = new AbortController()
    const timer = setTimeout(() => {
      answer({ ask, of }, abort.signal).then(setCompletion, (error: unknown) => {
        // The typed name can be pulled all the same: a hint, no failure.
        if (!abort.signal.aborted) setCompletion({ ...NOTHING, problem: errorText(error) })
      })
    }, 300)
    return () => {
      clearTimeout(timer)
      abort.abort()
    }
  }, [ask, of])
  return completion
}

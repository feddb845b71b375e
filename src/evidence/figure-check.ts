/** What a check of figures is and gives. Apart from the checkers, which are many files and are loaded when they are needed. */
import type { Decision, FactSource } from './facts/fact.ts'

/** What arithmetic came to, and whether the claim stands or falls with it. */
export type FigureCheck = {
  readonly decision: Decision
  /** True where the claim states a figure, a time, a version, an order or a change. */
  readonly statesFigure: boolean
  /** Ids of sources that were too long to be checked, all together. */
  readonly unread: readonly string[]
}

/** Characters that are checked at most, shorter sources first: a table of 1 Mi takes about two seconds here. */
export const mostFigureCharacters = 2 * 1024 * 1024

/** Checks the figures of a claim; in a thread where there is much to read. */
export type CheckFigures = (
  claim: string,
  sources: readonly FactSource[],
  signal: AbortSignal,
) => Promise<FigureCheck>

/** The sources that are checked, in their order, and the ids of those that are too long for it. */
export function withinReach(sources: readonly FactSource[]): {
  readonly read: readonly FactSource[]
  readonly unread: readonly string[]
} {
  let length = 0
  const beyond = new Set(
    sources
      .toSorted((a, b) => a.content.length - b.content.length)
      .filter(({ content }) => {
        length += content.length
        return length > mostFigureCharacters
      }),
  )
  return {
    read: sources.filter(source => !beyond.has(source)),
    unread: [...beyond].map(({ id }) => id),
  }
}

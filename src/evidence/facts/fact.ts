/**
 * The words of the arithmetic checker: what a typed fact is, wherever it was read. Types only.
 *
 * Offsets are half-open, in UTF-16 units of the text that was read.
 */

/** Which number of many a fact is; `plain` where nothing is said. A percentile is `p` and its figure. */
export type Statistic = 'plain' | 'mean' | 'max' | 'min' | 'count' | 'total' | 'first' | 'last' | `p${number}`

/** How the value stands to the figure that is written. */
export type Comparison = 'exact' | 'under' | 'at-most' | 'over' | 'at-least' | 'between' | 'about'

/** Which way a value went, and by how much where a figure says so. */
export type Change = {
  readonly direction: 'up' | 'down' | 'same'
  /** The new value over the old one ("doubled" is 2), where it is said. */
  readonly factor?: number
  /** A change by this share of the old value ("by 30 %" is 0.3), where it is said. */
  readonly share?: number
  /** True where the figure is the difference, false where it is the new value. */
  readonly by: boolean
}

/** A piece of a source that decided, word for word. */
export type DecidingSpan = {
  readonly sourceId: string
  readonly start: number
  readonly end: number
  readonly text: string
  readonly stance: 'supports' | 'refutes'
}

/** What was compared: the claim's figure and the source's, in words. */
export type Compared = { readonly sourceId: string; readonly claimed: string; readonly found: string }

/** What the arithmetic makes of a claim. */
export type Decision = {
  /** `disputed` where sources, or lines of one, state both. */
  readonly verdict: 'supports' | 'refutes' | 'disputed' | 'silent'
  readonly spans: readonly DecidingSpan[]
  readonly reason: string
  readonly compared: readonly Compared[]
}

/** A source as the checker reads it. */
export type FactSource = {
  readonly id: string
  readonly type?: string | undefined
  readonly title?: string | undefined
  readonly content: string
}

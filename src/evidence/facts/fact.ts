/**
 * The words of the arithmetic checker: what a typed fact is, wherever it was read. Types only.
 *
 * Offsets are half-open, in UTF-16 units of the text that was read.
 */
import type { Moment } from './moment.ts'
import type { Quantity } from './quantity.ts'

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

/** Something that holds now or did, or something that is wanted, allowed, expected or set as a limit. */
export type Modality = 'fact' | 'plan'

/** What kind of text a fact stood in. */
export type Form = 'sentence' | 'cell' | 'metric' | 'entry' | 'line'

/** A column, label or key beside a figure, and what it says. */
export type Label = { readonly name: string; readonly text: string }

/** One figure of a text, or one event line (then `quantity` is absent), with all that says what it is of. */
export type Fact = {
  /** Of the sentence, line or row that holds it. */
  readonly start: number
  readonly end: number
  readonly form: Form
  readonly quantity?: Quantity
  /** The other end of a range or of a change. */
  readonly other?: Quantity
  readonly statistic: Statistic
  readonly comparison: Comparison
  readonly change?: Change
  readonly modality: Modality
  readonly negated: boolean
  /** Stems of the words at the figure: its clause, or its column or key. */
  readonly own: ReadonlySet<string>
  /** Stems of what stands before the first figure of a sentence, or in the labels of its row. */
  readonly lead: ReadonlySet<string>
  /** Stems of title, headings and path. */
  readonly context: ReadonlySet<string>
  readonly labels: readonly Label[]
  /** Facts of one group stand in one column, key or metric family. */
  readonly group: string
  readonly moment?: Moment
  /** Says of itself that it corrects what came before. */
  readonly corrects: boolean
}

/** What a claim says of one figure. */
export type ClaimFact = Fact & {
  /** Stems that the evidence must hold. */
  readonly must: readonly string[]
  /** Where a value is held against another: the stems of either side. */
  readonly sides?: readonly [readonly string[], readonly string[]]
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
  readonly verdict: 'supports' | 'refutes' | 'silent'
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
